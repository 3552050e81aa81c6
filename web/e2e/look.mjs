// Every page wide and light, narrow and dark, with LAKELEDGER_THOROUGH=1 in both themes at both widths: nothing wider
// than the screen, every chart with marks, no complaint of the browser, no violation of WCAG 2.2 AA.

import assert from "node:assert/strict";
import { join } from "node:path";
import { check, emptyCharts, inaccessible, open, pictures } from "./harness.mjs";

const isThorough = process.env.LAKELEDGER_THOROUGH === "1";
if (!isThorough) console.log("wide pages are light, narrow ones dark: LAKELEDGER_THOROUGH=1 looks at both in both");
const THEMES = new Map([[1440, ["light"]], [390, ["dark"]]]);

const charted = /^\/($|\?|teams|workloads|tables|clusters|runs|explore($|\?by(?!.*waste)))/;
const picture = (url) => url.replace(/^\//, "").replace(/[^\w.]+/g, "-").slice(0, 60) || "overview";

/** Looks at pages, a width beside the other: addresses, or addresses with the status they have. `cookies` say who looks. */
export async function look(browser, base, urls, { prefix = "", cookies = [] } = {}) {
  const passes = [...THEMES].map(async ([width, usual]) => {
    for (const theme of isThorough ? ["light", "dark"] : usual) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme });
      await context.addCookies(cookies);
      for (const [url, status] of urls.map((url) => (Array.isArray(url) ? url : [url, 200]))) {
        await check(`${url} at ${width} in ${theme}`, () => lookAt(context, base, url, status, `${prefix}${picture(url)}-${width}-${theme}.png`));
      }
      await context.close();
    }
  });
  await Promise.all(passes);
}

async function lookAt(context, base, url, status, name) {
  const { page, response, complaints } = await open(context, base + url);
  assert.equal(response.status(), status);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wider <= 0, `the page is ${wider} px wider than the screen`);
  const charts = await page.locator("figure.chart").count();
  if (status === 200 && charted.test(url) && !url.includes("chart=table")) assert.ok(charts > 0, "there is no chart");
  assert.deepEqual(await emptyCharts(page), [], "charts without marks");
  assert.deepEqual(await inaccessible(page), [], "accessibility");
  if (pictures) await page.screenshot({ path: join(pictures, name), fullPage: true });
  // The browser notes by itself that a page was refused.
  const own = complaints.filter((text) => status === 200 || !/status of \d+/.test(text));
  assert.deepEqual(own, [], "the browser complained");
  await page.close();
}
