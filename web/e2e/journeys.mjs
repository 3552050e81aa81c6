// Ways through the dashboard that need no more than two days of the lab.

import assert from "node:assert/strict";
import { join } from "node:path";
import { check, csv, emptyCharts, inaccessible, open, pictures } from "./harness.mjs";

/** From the overview down to the bill, by rows and by the chart. */
export async function drill(browser, base) {
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
  await check("arrow keys step through a filter, and Enter sends it", async () => {
    const { page } = await open(context, `${base}/teams`);
    const basis = page.locator(".filters select[name=basis]");
    await basis.focus();
    const before = await basis.inputValue();
    await page.keyboard.press("ArrowDown");
    await page.waitForTimeout(300);
    assert.equal(new URL(page.url()).search, "", "a step sends nothing");
    assert.equal(await page.evaluate(() => document.activeElement.name), "basis", "and keeps the focus");
    const stepped = await basis.inputValue();
    assert.notEqual(stepped, before);
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("basis") === stepped);
  });
  await context.close();
}

/** A question of one's own: by its form, its chart and its downloads. */
export async function explore(browser, base) {
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
export async function search(browser, base) {
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
    assert.deepEqual(await inaccessible(page, "dialog.find"), [], "accessibility");
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
export async function run(browser, base) {
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
export async function still(browser, base) {
  for (const width of [1440, 390]) {
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
