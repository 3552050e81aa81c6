// What the suites share: dashboards served by the real binary, a browser, and checks that are
// counted.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** A directory that keeps a picture of every page, if one is named. */
export const pictures = process.env.LAKELEDGER_SCREENSHOTS;

/** The binary, built if need be. */
export function binary() {
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
export async function serve(program, directory, { publish = true, config = "" } = {}) {
  cpSync(join(root, "fixtures/lab/exports"), join(directory, "exports"), { recursive: true });
  cpSync(join(root, "fixtures/lab/lakeledger.toml"), join(directory, "lakeledger.toml"));
  appendFileSync(join(directory, "lakeledger.toml"), config);
  if (publish) ran(program, directory, "run");
  return started(program, directory);
}

/** A dashboard on weeks of the demo, which has findings and alerts where the lab has none. */
export async function serveDemo(program, directory, days, config = "") {
  const made = spawnSync(program, ["demo", "--dir", directory, "--no-serve", "--days", String(days)], { encoding: "utf8", maxBuffer: 1 << 28 });
  assert.equal(made.status, 0, `lakeledger demo failed:\n${made.stderr}`);
  appendFileSync(join(directory, "lakeledger.toml"), config);
  if (config) ran(program, directory, "alerts", "--no-send");
  return started(program, directory);
}

/** What a command prints; it has to succeed. */
export function ran(program, directory, ...words) {
  const done = spawnSync(program, ["--config", join(directory, "lakeledger.toml"), ...words], { encoding: "utf8", maxBuffer: 1 << 28 });
  assert.equal(done.status, 0, `lakeledger ${words.join(" ")} failed:\n${done.stderr}`);
  return done.stdout;
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

/** A new token, and the configuration that lets in whoever has it, as a viewer of one team. */
export function tokenOf(program, name, team) {
  const made = spawnSync(program, ["token", "new", "--name", name, "--team", team], { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  const token = made.stdout.match(/llk_[0-9a-f]{64}/)?.[0] ?? made.stderr.match(/llk_[0-9a-f]{64}/)?.[0];
  const entry = made.stdout.slice(made.stdout.indexOf("[[access.token]]"));
  return [token, `\n${entry}\n`];
}

/** The cookies of somebody who signed in. */
export async function signedIn(browser, base, token) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}/login`);
  await page.locator("#token").fill(token);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/");
  const cookies = await context.cookies();
  await context.close();
  return cookies;
}

let checks = 0;
const faults = [];

/** One check; the next ones are made whatever comes of it. */
export async function check(name, work) {
  checks += 1;
  try {
    await work();
  } catch (error) {
    faults.push(`${name}: ${error.message}`);
    console.error(`FAIL ${name}: ${error.message}`);
  }
}

/** Tells how many passed. */
export function summary() {
  console.log(`browser: ${checks - faults.length} of ${checks} checks passed`);
  return faults.length === 0;
}

/** A page that collects whatever the browser complains about. */
export async function open(context, url) {
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
export const emptyCharts = (page) =>
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

/** What is not accessible of a page, or of one element of it. */
export async function inaccessible(page, selector) {
  await page.evaluate(axe);
  const run = ([tags, selector]) => axe.run(selector ? document.querySelector(selector) : document, { runOnly: { type: "tag", values: tags } });
  const found = await page.evaluate(run, [TAGS, selector]);
  return found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")}`);
}

/** The rows of a download by their heads. */
export async function csv(page, url) {
  const answer = await page.request.get(url);
  assert.match(answer.headers()["content-type"], /text\/csv/);
  const cell = (text) => (text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
  const cells = (line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((match) => cell(match[1]));
  const [heads, ...rows] = (await answer.text()).trim().split("\n").map(cells);
  return rows.map((row) => Object.fromEntries(heads.map((head, i) => [head, row[i]])));
}

/** Presses a key until the focus is where it should be. */
export async function pressTo(page, key, selector, most = 200) {
  for (let i = 0; i < most; i += 1) {
    if (await page.evaluate((selector) => document.activeElement?.matches(selector) ?? false, selector)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${key} does not lead to ${selector}`);
}
