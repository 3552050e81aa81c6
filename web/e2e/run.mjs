// The dashboard in a real browser, on the lab, served by the real binary.
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
  const config = ["--config", join(directory, "lakeledger.toml")];
  if (publish) {
    const run = spawnSync(program, [...config, "run"], { encoding: "utf8" });
    assert.equal(run.status, 0, `lakeledger run failed:\n${run.stderr}`);
  }
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

const charted = /^\/($|\?|teams|workloads|tables|clusters)/;
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
  const first = async (list, table) => {
    const { page } = await open(context, `${lab.base}/${list}`);
    const href = await page.locator(`#${table} tbody th a`).first().getAttribute("href");
    await page.close();
    return href;
  };
  const urls = ["/", "/?group=category", "/teams", "/teams/growth", "/workloads", "/tables", "/clusters", "/waste", "/waste?status=all&confidence=high", "/waste/what-if?setting=ttl", "/data", "/ownership", "/explain", "/compare", "/help"];
  urls.push("/explain?where=team%3Dgrowth&idle=proportional&shared=even&ownership=as-was");
  for (const list of ["workloads", "tables", "clusters"]) urls.push(await first(list, list));
  urls.push(await first("explain?where=team%3Dgrowth", "parts"));
  await context.close();
  await look(browser, lab.base, urls);
  await drill(browser, lab.base);
  await still(browser, lab.base);

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
