// The dashboard in a real browser, on the lab and on two weeks of the demo, served by the real
// binary.
//
//   node run.mjs
//
// CHROMIUM names the browser where it is not /usr/bin/chromium. LAKELEDGER_SCREENSHOTS names
// a directory that keeps a picture of every page; LAKELEDGER_BINARY a binary built before.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const pictures = process.env.LAKELEDGER_SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const WIDTHS = [1440, 390];
const THEMES = ["light", "dark"];
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** The binary, built if need be. */
function binary() {
  if (process.env.LAKELEDGER_BINARY) return process.env.LAKELEDGER_BINARY;
  const built = spawnSync("cargo", ["build", "--quiet", "--bin", "lakeledger", "--message-format=json"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  assert.equal(built.status, 0, "the binary could not be built");
  const artifacts = built.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return artifacts.find((artifact) => artifact.executable && artifact.target.name === "lakeledger").executable;
}

/** A dashboard on a copy of the lab (or on an empty ledger), on a port of its own. */
async function serve(program, directory, publish) {
  cpSync(join(root, "fixtures/lab/exports"), join(directory, "exports"), { recursive: true });
  cpSync(join(root, "fixtures/lab/lakeledger.toml"), join(directory, "lakeledger.toml"));
  if (publish) {
    const run = spawnSync(program, ["--config", join(directory, "lakeledger.toml"), "run"], { encoding: "utf8" });
    assert.equal(run.status, 0, `lakeledger run failed:\n${run.stderr}`);
  }
  return started(program, directory);
}

/** A dashboard on two weeks of the demo, which has findings where the lab has none. */
async function serveDemo(program, directory) {
  const made = spawnSync(program, ["demo", "--dir", directory, "--no-serve", "--days", "14"], { encoding: "utf8", maxBuffer: 1 << 28 });
  assert.equal(made.status, 0, `lakeledger demo failed:\n${made.stderr}`);
  return started(program, directory);
}

async function started(program, directory) {
  const config = ["--config", join(directory, "lakeledger.toml")];
  const server = spawn(program, [...config, "serve", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "ignore", "pipe"] });
  const base = await new Promise((resolve, reject) => {
    let talk = "";
    server.stderr.setEncoding("utf8").on("data", (text) => {
      talk += text;
      const url = talk.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (url) resolve(url[0]);
    });
    server.on("exit", (code) => reject(new Error(`serve ended with ${code}:\n${talk}`)));
  });
  return { base, stop: () => server.kill() };
}

let checks = 0;
const faults = [];
async function check(name, work) {
  checks += 1;
  try {
    await work();
  } catch (error) {
    faults.push(`${name}: ${error.message}`);
    console.error(`FAIL ${name}: ${error.message}`);
  }
}

/** A page that collects whatever the browser complains about. */
async function open(context, url) {
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog opened: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
  const response = await page.goto(url, { waitUntil: "load" });
  return { page, response, complaints };
}

/** Whether every drawn chart has marks: more than one colour on its canvas. */
const emptyCharts = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("figure.chart")]
      .filter((figure) => {
        const canvas = figure.querySelector(".live canvas");
        if (!figure.classList.contains("drawn") || !canvas) return true;
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const colours = new Set();
        for (let i = 0; i < pixels.length; i += 4 * 97) colours.add(`${pixels[i]},${pixels[i + 1]},${pixels[i + 2]}`);
        return colours.size < 3;
      })
      .map((figure) => figure.id),
  );

const charted = /^\/($|\?|teams|workloads|tables|clusters|runs|explore($|\?by(?!.*waste)))/;
const picture = (url) => url.replace(/^\//, "").replace(/[^\w.]+/g, "-").slice(0, 60) || "overview";

async function look(browser, base, urls, prefix = "") {
  for (const width of WIDTHS) {
    for (const theme of THEMES) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme });
      for (const url of urls) {
        await check(`${url} at ${width} in ${theme}`, async () => {
          const { page, response, complaints } = await open(context, base + url);
          assert.equal(response.status(), 200);
          const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.ok(wider <= 0, `the page is ${wider} px wider than the screen`);
          const charts = await page.locator("figure.chart").count();
          if (charted.test(url)) assert.ok(charts > 0, "there is no chart");
          assert.deepEqual(await emptyCharts(page), [], "charts without marks");
          await page.evaluate(axe);
          const found = await page.evaluate((tags) => axe.run(document, { runOnly: { type: "tag", values: tags } }), TAGS);
          const violations = found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")}`);
          assert.deepEqual(violations, [], "accessibility");
          if (pictures) await page.screenshot({ path: join(pictures, `${prefix}${picture(url)}-${width}-${theme}.png`), fullPage: true });
          assert.deepEqual(complaints, [], "the browser complained");
          await page.close();
        });
      }
      await context.close();
    }
  }
}

/** From the overview down to the bill, by rows and by the chart. */
async function drill(browser, base) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await check("rows lead from the overview to bill lines", async () => {
    const { page, complaints } = await open(context, `${base}/`);
    await page.locator("#teams tbody tr", { hasText: "growth" }).locator("td").nth(2).click();
    await page.waitForURL(/\/teams\/growth/);
    await page.locator("#workloads tbody tr").nth(1).locator("td.num a").first().click();
    await page.waitForURL(/\/explain\?/);
    await page.locator("#parts tbody tr").first().click();
    await page.waitForURL(/\/explain\/.+/);
    assert.ok((await page.locator("#lines tbody tr").count()) > 0, "no bill line");
    assert.match(await page.locator("#lines tbody tr").first().innerText(), /aws-bill/);
    assert.deepEqual(complaints, []);
  });
  await check("a column of the chart opens its day", async () => {
    const { page, complaints } = await open(context, `${base}/`);
    const box = await page.locator("#chart-by-day canvas").boundingBox();
    // The lab has two days: the first column stands around a quarter of the width.
    await page.mouse.move(box.x + box.width * 0.27, box.y + box.height * 0.82);
    await page.locator(".tip").waitFor();
    assert.match(await page.locator(".tip").innerText(), /Mon 5 Oct 2026[\s\S]*Total/);
    await page.mouse.click(box.x + box.width * 0.27, box.y + box.height * 0.82);
    await page.waitForURL(/\/explain\?.*from=2026-10-05&to=2026-10-06/);
    assert.deepEqual(complaints, []);
  });
  await check("a hostile name is text in a tooltip too", async () => {
    const page = await context.newPage();
    const complaints = [];
    page.on("dialog", (dialog) => {
      complaints.push(dialog.message());
      dialog.dismiss();
    });
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    // The lab's hostile name is a run's; here the largest workload gets one, as its data would have it.
    const name = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    const written = name.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e");
    await page.route(/\/workloads$/, async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace('"items":[{"name":"', `"items":[{"name":"${written}`);
      await route.fulfill({ response, body });
    });
    await page.goto(`${base}/workloads`);
    const box = await page.locator("#chart-largest canvas").boundingBox();
    // The first bar is the longest; its middle is well inside the plot.
    await page.mouse.move(box.x + box.width * 0.5, box.y + 16);
    await page.locator(".tip").waitFor();
    assert.ok((await page.locator(".tip").innerText()).includes(name), "the tooltip shows the name as it is");
    assert.equal(await page.locator(".tip script, .tip img").count(), 0);
    assert.deepEqual(complaints, []);
  });
  await check("the theme is kept", async () => {
    const { page, complaints } = await open(context, `${base}/data`);
    await page.locator("#theme").click();
    await page.locator("#theme").click();
    await page.goto(`${base}/teams`);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).colorScheme), "dark");
    assert.deepEqual(complaints, []);
  });
  await check("the keyboard reaches the content first", async () => {
    const { page } = await open(context, `${base}/teams`);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  });
  await check("the filter bar keeps what it does not show", async () => {
    const { page } = await open(context, `${base}/explain?where=team%3Dgrowth`);
    await page.locator(".filters select[name=basis]").selectOption("billed");
    await page.waitForURL(/basis=billed/);
    assert.match(page.url(), /where=team%3Dgrowth/);
  });
  await context.close();
}

/** The text of a download. */
const csv = async (page, url) => {
  const answer = await page.request.get(url);
  assert.match(answer.headers()["content-type"], /text\/csv/);
  const [heads, ...rows] = (await answer.text()).trim().split("\n").map((line) => line.split(","));
  return rows.map((row) => Object.fromEntries(heads.map((head, i) => [head, row[i]])));
};

/** A question of one's own: by its form, its chart and its downloads. */
async function explore(browser, base) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await check("Explore answers what its fields ask, and says so in its address", async () => {
    const { page, complaints } = await open(context, `${base}/explore`);
    await page.locator(".explore select[name=by]").first().selectOption("service");
    await page.waitForURL(/by=service/);
    await page.locator(".explore select[name=pivot]").selectOption("team");
    await page.waitForURL(/pivot=team/);
    await page.locator(".explore select[name=chart]").selectOption("line");
    await page.waitForURL(/chart=line/);
    assert.match(await page.locator("#rows thead").innerText(), /growth/);
    assert.deepEqual(await emptyCharts(page), []);
    const rows = await csv(page, base + (await page.locator("#rows a.csv").getAttribute("href")));
    assert.equal(rows.length, await page.locator("#rows tbody tr").count(), "the download has the rows that are shown");
    const shown = await page.locator("#rows tfoot td").first().innerText();
    const sum = rows.reduce((sum, row) => sum + Number(row.total), 0);
    assert.equal(shown.replace(/[$,]/g, ""), sum.toFixed(2), "and their total");
    assert.deepEqual(complaints, []);
  });
  await check("a restriction is offered its values, added and lifted", async () => {
    const { page, complaints } = await open(context, `${base}/explore?by=service`);
    const before = await page.locator("#rows tfoot td").first().innerText();
    await page.locator(".restrict-by").selectOption("team");
    await page.waitForFunction(() => document.querySelector("#restrict-values option[value=growth]"));
    await page.locator(".explore input[name=is]").fill("growth");
    await page.keyboard.press("Enter");
    await page.waitForURL(/where=team%3Dgrowth/);
    assert.doesNotMatch(page.url(), /dimension=|is=/);
    assert.notEqual(await page.locator("#rows tfoot td").first().innerText(), before);
    await page.locator(".restrictions a").click();
    await page.waitForURL((url) => !url.search.includes("where"));
    assert.equal(await page.locator("#rows tfoot td").first().innerText(), before);
    assert.deepEqual(complaints, []);
  });
  await check("a column of Explore narrows the question to its day and colour", async () => {
    const { page } = await open(context, `${base}/explore?by=team`);
    const box = await page.locator("#chart-explored canvas").boundingBox();
    await page.mouse.click(box.x + box.width * 0.27, box.y + box.height * 0.82);
    await page.waitForURL((url) => url.searchParams.get("from") === "2026-10-05" && url.searchParams.get("to") === "2026-10-06" && url.searchParams.get("where")?.startsWith("team="));
  });
  await context.close();
  const still = await browser.newContext({ viewport: { width: 390, height: 900 }, javaScriptEnabled: false });
  await check("Explore works without JavaScript on a phone", async () => {
    const page = await still.newPage();
    await page.goto(`${base}/explore`);
    await page.locator(".explore select[name=by]").first().selectOption("workload");
    await page.locator(".restrict-by").selectOption("team");
    await page.locator(".explore input[name=is]").fill("growth");
    await page.locator(".explore button").click();
    await page.waitForURL(/by=workload.*where=team%3Dgrowth/);
    assert.ok(await page.locator("#chart-explored .still svg").first().isVisible(), "no chart is drawn");
    assert.ok((await page.locator("#rows tbody tr").count()) > 0);
  });
  await still.close();
}

/** Anything is found by its name, by the keyboard alone. */
async function search(browser, base) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await check("Ctrl-K finds a team, and the keyboard opens it", async () => {
    const { page, complaints } = await open(context, `${base}/tables`);
    await page.keyboard.press("Control+k");
    await page.locator("dialog.find[open]").waitFor();
    await page.keyboard.type("grow");
    await page.locator("#find-0", { hasText: "growth" }).waitFor();
    const field = page.locator("dialog.find input");
    assert.equal(await field.getAttribute("aria-expanded"), "true");
    assert.equal(await field.getAttribute("aria-activedescendant"), "find-0");
    await page.keyboard.press("ArrowDown");
    assert.equal(await field.getAttribute("aria-activedescendant"), "find-1");
    assert.equal(await page.locator("#find-1").getAttribute("aria-selected"), "true");
    await page.keyboard.press("ArrowUp");
    assert.match(await page.locator("dialog.find [role=status]").innerText(), /match/);
    await page.evaluate(axe);
    const found = await page.evaluate((tags) => axe.run(document.querySelector("dialog.find"), { runOnly: { type: "tag", values: tags } }), TAGS);
    assert.deepEqual(found.violations.map((violation) => violation.id), [], "accessibility");
    if (pictures) await page.screenshot({ path: join(pictures, "find-1440-light.png") });
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/teams\/growth/);
    assert.deepEqual(complaints, []);
  });
  await check("Escape closes it and the place is kept; a slash in a field is a slash", async () => {
    const { page } = await open(context, `${base}/workloads`);
    await page.locator("#workloads .search input, #workloads a").first().focus();
    await page.keyboard.press("/");
    if (!(await page.locator("dialog.find[open]").count())) {
      assert.equal(await page.evaluate(() => document.activeElement.tagName), "INPUT");
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press("/");
    }
    await page.locator("dialog.find[open]").waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("dialog.find[open]").count(), 0);
  });
  await check("a hostile query is text", async () => {
    const { page, complaints } = await open(context, `${base}/search?q=${encodeURIComponent("<img src=x onerror=alert(1)>")}`);
    assert.equal(await page.locator("main img").count(), 0);
    await page.keyboard.press("Control+k");
    await page.keyboard.type("<script>alert(1)</script>");
    await page.waitForFunction(() => /Nothing|match/.test(document.querySelector("dialog.find [role=status]").textContent));
    assert.equal(await page.locator("dialog.find script").count(), 0);
    assert.deepEqual(complaints, []);
  });
  await context.close();
  const still = await browser.newContext({ javaScriptEnabled: false });
  await check("search works without JavaScript", async () => {
    const page = await still.newPage();
    await page.goto(`${base}/`);
    await page.locator(".finder input[name=q]").fill("idle");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/search\?.*q=idle/);
    await page.locator(".found a", { hasText: "Idle cost" }).click();
    await page.waitForURL(/\/help.*#term-idle/);
  });
  await still.close();
}

/** From a workload to one of its runs, and to the arithmetic of its cost. */
async function run(browser, base) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await check("a run says where its money went, and its parts add up", async () => {
    const { page, complaints } = await open(context, `${base}/runs?sort=-cost`);
    await page.locator("#runs tbody th a").first().click();
    await page.waitForURL(/\/runs\/.+/);
    const cost = await page.locator(".headline strong").first().innerText();
    assert.equal(await page.locator("#charges tfoot td", { hasText: "$" }).innerText(), cost, "the charges are the cost");
    assert.ok((await page.locator(".timeline li").count()) >= 2);
    await page.locator("main > p a", { hasText: "arithmetic" }).click();
    await page.waitForURL(/\/explain\?.*where=run/);
    assert.equal(await page.locator(".headline strong").first().innerText(), cost, "and what Explain opens");
    assert.deepEqual(complaints, []);
  });
  await context.close();
}

/** Everything is there without JavaScript. */
async function still(browser, base) {
  for (const width of WIDTHS) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, javaScriptEnabled: false });
    await check(`without JavaScript at ${width}`, async () => {
      const page = await context.newPage();
      await page.goto(`${base}/`);
      assert.ok(await page.locator("#chart-by-day .still svg").first().isVisible(), "no chart is drawn");
      if (width < 760) await page.locator(".rail-open").click();
      await page.locator(".rail nav a", { hasText: "Teams" }).click();
      await page.waitForURL(/\/teams/);
      assert.equal(await page.locator("#theme").isVisible(), false, "a button that could do nothing is shown");
      if (pictures) await page.screenshot({ path: join(pictures, `teams-${width}-still.png`), fullPage: true });
    });
    await context.close();
  }
}

const program = binary();
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
assert.ok(existsSync(executablePath), `no browser at ${executablePath}: install chromium or set CHROMIUM`);
if (pictures) mkdirSync(pictures, { recursive: true });
const directory = mkdtempSync(join(tmpdir(), "lakeledger-e2e-"));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const servers = [];
try {
  const lab = await serve(program, join(directory, "lab"), true);
  servers.push(lab);
  const context = await browser.newContext();
  const first = async (base, list, table) => {
    const { page } = await open(context, `${base}/${list}`);
    const href = await page.locator(`#${table} tbody th a`).first().getAttribute("href");
    await page.close();
    return href;
  };
  const urls = ["/", "/?group=category", "/teams", "/teams/growth", "/workloads", "/tables", "/clusters", "/waste", "/waste?status=all&confidence=high", "/waste/what-if?setting=ttl", "/data", "/ownership", "/explain", "/compare", "/help"];
  urls.push("/explore?by=team", "/explore?by=service&pivot=team&chart=line", "/explore?by=month,team&chart=bar&measure=idle", "/explore?by=cluster&measure=waste", "/search?q=growth", "/runs");
  urls.push("/explain?where=team%3Dgrowth&idle=proportional&shared=even&ownership=as-was");
  for (const list of ["workloads", "tables", "clusters", "runs"]) urls.push(await first(lab.base, list, list));
  urls.push(await first(lab.base, "explain?where=team%3Dgrowth", "parts"));
  urls.push("/alerts", "/reports", "/schedule", "/help/api");
  await look(browser, lab.base, urls);
  await drill(browser, lab.base);
  await explore(browser, lab.base);
  await search(browser, lab.base);
  await run(browser, lab.base);
  await still(browser, lab.base);

  const demo = await serveDemo(program, join(directory, "demo"));
  servers.push(demo);
  const { page: inbox } = await open(context, `${demo.base}/waste`);
  const findings = await inbox.locator("#findings tbody th a").evaluateAll((links) => links.slice(0, 3).map((link) => link.getAttribute("href")));
  assert.equal(findings.length, 3, "the demo has findings");
  const deep = ["/", "/waste", ...findings, "/alerts", "/explore?by=team&measure=waste"];
  for (const list of ["workloads", "tables", "clusters", "runs"]) deep.push(await first(demo.base, `${list}?sort=-cost`, list));
  await context.close();
  await look(browser, demo.base, deep, "demo-");

  const empty = await serve(program, join(directory, "empty"), false);
  servers.push(empty);
  await look(browser, empty.base, ["/data"], "unpublished-");
} finally {
  await browser.close();
  for (const server of servers) server.stop();
  rmSync(directory, { recursive: true, force: true });
}
console.log(`browser: ${checks - faults.length} of ${checks} checks passed`);
process.exitCode = faults.length === 0 ? 0 : 1;
