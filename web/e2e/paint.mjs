// What a first visit costs in a real browser: bytes over the wire, and when something, and the
// largest thing, is painted.
//
//   node paint.mjs http://127.0.0.1:8420 [PATH ...]
//
// Every page is opened by a browser that has nothing of the site yet; the median of five visits
// is told. Budget: 300 KB beside the chart library.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const BUDGET_KB = 300;
const VISITS = 5;

const [base, ...asked] = process.argv.slice(2);
if (!base) throw new Error("say which dashboard: node paint.mjs http://127.0.0.1:8420");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(executablePath)) throw new Error(`no browser at ${executablePath}: install chromium or set CHROMIUM`);

const paths = asked.length ? asked : ["/", "/teams", "/workloads", "/tables", "/clusters", "/waste", "/explore", "/data", "/runs", "/help"];

/** Bytes and moments of one visit. */
async function visit(browser, path) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.largest = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.largest = entry.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
  });
  await page.goto(base + path, { waitUntil: "networkidle" });
  const seen = await page.evaluate(() => {
    const parts = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const [page] = performance.getEntriesByType("navigation");
    return {
      library: parts.filter((part) => part.name.includes("echarts")).reduce((sum, part) => sum + part.transferSize, 0),
      bytes: parts.reduce((sum, part) => sum + part.transferSize, 0),
      first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      largest: window.largest,
      answered: page.responseEnd,
      loaded: page.loadEventEnd,
    };
  });
  await context.close();
  return seen;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
let over = false;
console.log(`${"page".padEnd(14)} ${"KB".padStart(7)} ${"+ charts".padStart(9)} ${"answered".padStart(9)} ${"painted".padStart(8)} ${"largest".padStart(8)} ${"loaded".padStart(8)}  ms`);
for (const path of paths) {
  const visits = [];
  for (let i = 0; i < VISITS; i += 1) visits.push(await visit(browser, path));
  const of = (key) => median(visits.map((visit) => visit[key]));
  const kb = (of("bytes") - of("library")) / 1000;
  over ||= kb > BUDGET_KB;
  const ms = ["answered", "first", "largest", "loaded"].map((key) => of(key).toFixed(0).padStart(key === "answered" ? 9 : 8)).join(" ");
  console.log(`${path.padEnd(14)} ${kb.toFixed(1).padStart(7)} ${(of("library") / 1000).toFixed(1).padStart(9)} ${ms}${kb > BUDGET_KB ? "  OVER" : ""}`);
}
await browser.close();
process.exitCode = over ? 1 : 0;
