// Ways through the dashboard on weeks of the demo: what people come for every morning, by the
// mouse and by the keyboard alone.

import assert from "node:assert/strict";
import { check, csv, inaccessible, open, pressTo } from "./harness.mjs";

const wide = { viewport: { width: 1440, height: 900 } };

/** What changed, why, and what to do about it. */
export async function morning(browser, base) {
  const context = await browser.newContext(wide);
  await check("my team's biggest rise has a reason, and leads to what rose", async () => {
    const { page, complaints } = await open(context, `${base}/`);
    // A week, for there is a week before it to compare with.
    await page.locator(".filters .presets a", { hasText: "7 days" }).click();
    await page.locator("#teams tbody th a", { hasText: /^(?!no team)/ }).first().click();
    await page.waitForURL(/\/teams\/.+/);
    // The many small changes together have no page of their own.
    const first = page.locator("#movers tbody tr:has(th a)").first();
    const [what, reason] = [await first.locator("th").innerText(), await first.locator("td.txt").first().innerText()];
    assert.match(reason, /\d/, `the reason of ${what} has no number: ${reason}`);
    await first.locator("th a").click();
    await page.waitForURL(/\/(workloads|tables|clusters|explore|explain)/);
    assert.deepEqual(complaints, []);
  });
  await check("what is downloaded is what is shown", async () => {
    const { page } = await open(context, `${base}/workloads?q=a&sort=-cost`);
    const rows = await csv(page, base + (await page.locator("#workloads a.csv").getAttribute("href")));
    const count = await page.locator("#workloads .count").innerText();
    assert.match(count, new RegExp(`^${rows.length.toLocaleString("en")} of `), `${rows.length} rows, but it says ${count}`);
    const names = await page.locator("#workloads tbody th").allInnerTexts();
    assert.deepEqual(rows.slice(0, names.length).map((row) => row.workload), names);
  });
  await check("dates and basis go with the reader from page to page", async () => {
    const { page } = await open(context, `${base}/`);
    await page.locator(".filters .presets a").first().click();
    await page.waitForURL(/from=/);
    await page.locator(".filters select[name=basis]").selectOption("list");
    await page.waitForURL(/basis=list/);
    const kept = (url) => ["from", "to", "basis"].map((key) => url.searchParams.get(key));
    const asked = kept(new URL(page.url()));
    for (const place of ["Teams", "Workloads", "Tables", "Clusters", "Explore"]) {
      await page.locator(".rail nav a", { hasText: place }).click();
      await page.waitForURL((url) => url.pathname === `/${place.toLowerCase()}`);
      assert.deepEqual(kept(new URL(page.url())), asked, place);
    }
  });
  await check("a weekly report can be read as it would be mailed", async () => {
    const { page } = await open(context, `${base}/reports`);
    await page.locator("#previews tbody tr:nth-child(2) td a").first().click();
    await page.waitForURL(/\/reports\/weekly\/.+/);
    assert.match(await page.locator("body").innerText(), /week \d+/i);
    assert.deepEqual(await inaccessible(page), [], "accessibility");
  });
  await check("how a waste was found can be read, and what would happen otherwise tried", async () => {
    const { page } = await open(context, `${base}/waste`);
    await page.locator("#findings tbody th a").first().click();
    await page.waitForURL(/\/waste\/[0-9a-f]{12}/);
    assert.ok((await page.locator("#evidence tbody tr").count()) > 2);
    await page.goto(`${base}/waste/what-if?setting=ttl`);
    assert.match(await page.locator(".headline").innerText(), /\$/);
  });
  await context.close();
}

/** Deciding: on a finding, on an alert. */
export async function decide(browser, base) {
  const context = await browser.newContext(wide);
  await check("a finding is acknowledged, assigned and opened again, and who did it is kept", async () => {
    const { page, complaints } = await open(context, `${base}/waste`);
    await page.locator("#findings tbody th a").first().click();
    await page.waitForURL(/\/waste\/[0-9a-f]{12}/);
    await page.locator("button[value=acknowledge]").click();
    await page.waitForURL(/#status/);
    assert.match(await page.locator("main").innerText(), /Acknowledged: somebody has seen it/);
    await page.locator("input[name=to]").fill("Ada <script>");
    await page.locator("button[value=assign]").click();
    await page.locator("text=Assigned to Ada <script>.").waitFor();
    assert.match(await page.locator(".details").last().innerText(), /this machine \(no login\)/);
    await page.locator("button[value=reopen]").click();
    await page.locator("text=Open again.").waitFor();
    assert.deepEqual(complaints, []);
  });
  await check("an alert is opened by its reason and acknowledged for a week", async () => {
    const { page, complaints } = await open(context, `${base}/alerts`);
    await page.locator("#alerts tbody th a").first().click();
    await page.waitForURL(/\/alerts\/[0-9a-f]{12}/);
    assert.deepEqual(await inaccessible(page), [], "accessibility");
    await page.locator("select[name=hours]").selectOption("168");
    await page.locator(".acts button").click();
    await page.locator("text=/Acknowledged by this machine/").first().waitFor();
    assert.deepEqual(complaints, []);
  });
  await context.close();
}

/** Signing in, and being refused what is another team's. */
export async function access(browser, base, token) {
  const context = await browser.newContext(wide);
  await check("who signs in by the keyboard gets where they wanted, and no further", async () => {
    const { page } = await open(context, `${base}/teams/growth`);
    await page.waitForURL(/\/login\?next=/);
    assert.equal(await page.evaluate(() => document.activeElement.id), "token", "the field waits for the token");
    await page.keyboard.type("llk_wrong");
    await page.keyboard.press("Enter");
    await page.locator("[role=alert]").waitFor();
    await page.keyboard.type(token);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/teams\/growth/);
    assert.match(await page.locator(".account").innerText(), /Vi/);
    const other = await page.goto(`${base}/teams/content`);
    assert.equal(other.status(), 404, "another team is not there");
    const whole = await page.goto(`${base}/ownership`);
    assert.equal(whole.status(), 403);
    assert.match(await page.locator("main").innerText(), /viewer of growth/);
    const api = await page.request.get(`${base}/api/v1/costs?by=team`);
    assert.deepEqual((await api.json()).rows.map((row) => row.team), ["growth"]);
    const csv = await page.request.get(`${base}/workloads?format=csv`);
    assert.ok(!/content/.test(await csv.text()), "nor in a download");
    await page.goto(`${base}/teams/growth`);
    await pressTo(page, "Tab", ".account button");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/login/);
    await page.goto(`${base}/teams/growth`);
    await page.waitForURL(/\/login\?next=/);
  });
  await context.close();
}

/** No mouse at all. */
export async function keyboard(browser, base) {
  const context = await browser.newContext(wide);
  await check("by keys: from the overview to a bill line", async () => {
    const { page, complaints } = await open(context, `${base}/`);
    await pressTo(page, "Tab", "#teams tbody th a");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/teams\/.+/);
    await pressTo(page, "Tab", "#workloads tbody td.num a");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/explain\?/);
    await pressTo(page, "Tab", "#parts tbody th a");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/explain\/.+/);
    assert.ok((await page.locator("#lines tbody tr").count()) > 0);
    assert.deepEqual(complaints, []);
  });
  await check("by keys: a chart is read and a day of it opened", async () => {
    const { page, complaints } = await open(context, `${base}/`);
    await pressTo(page, "Tab", "#chart-by-day .drawing");
    await page.keyboard.press("End");
    const said = page.locator("#chart-by-day [role=status]");
    const last = await said.innerText();
    assert.match(last, /\d{4}: .*total.*\$/);
    // The month goes on: back to a day that has passed.
    for (let day = 0; day < 4; day++) await page.keyboard.press("ArrowLeft");
    assert.notEqual(await said.innerText(), last);
    assert.ok(await page.locator(".tip").isVisible(), "and shown");
    await page.keyboard.press("ArrowUp");
    await page.locator(".tip .chosen").waitFor();
    // The topmost is what is not told apart, and opens nothing: back to the largest.
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/explain\?.*from=\d{4}-\d\d-\d\d&to=/);
    assert.deepEqual(complaints, []);
  });
  await check("by keys: a finding is snoozed", async () => {
    const { page } = await open(context, `${base}/waste`);
    await pressTo(page, "Tab", "#findings tbody tr:nth-child(2) th a");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/waste\/[0-9a-f]{12}/);
    await pressTo(page, "Tab", "button[value=snooze]");
    await page.keyboard.press("Enter");
    await page.locator("text=/Snoozed until/").first().waitFor();
  });
  await check("by keys: a question of one's own", async () => {
    const { page } = await open(context, `${base}/explore`);
    await pressTo(page, "Tab", ".explore select[name=by]");
    await page.keyboard.type("workload");
    await page.keyboard.press("Enter");
    await page.waitForURL(/by=workload/);
    await pressTo(page, "Tab", "#rows thead th:nth-child(2) a");
    await page.keyboard.press("Enter");
    await page.waitForURL(/sort=/);
  });
  await context.close();
}
