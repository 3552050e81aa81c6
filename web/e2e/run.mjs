// The dashboard in a real browser, on the lab and on three weeks of the demo, served by the real
// binary.
//
//   node run.mjs
//
// CHROMIUM names the browser where it is not /usr/bin/chromium. LAKELEDGER_SCREENSHOTS names
// a directory that keeps a picture of every page; LAKELEDGER_BINARY a binary built before;
// LAKELEDGER_AIOSMTPD a Python that has aiosmtpd, without which no letters are looked at.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { access, decide, keyboard, morning } from "./acts.mjs";
import { binary, open, pictures, serve, serveDemo, signedIn, summary, tokenOf } from "./harness.mjs";
import { drill, explore, run, search, still } from "./journeys.mjs";
import { letters } from "./letters.mjs";
import { look } from "./look.mjs";
import { printed } from "./print.mjs";

const ALERTS = `
[[alert]]
name = "dear days"
kind = "absolute"
amount = 1
[[alert]]
name = "waste"
kind = "waste"
amount = 1
`;

const program = binary();
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
assert.ok(existsSync(executablePath), `no browser at ${executablePath}: install chromium or set CHROMIUM`);
if (pictures) mkdirSync(pictures, { recursive: true });
const directory = mkdtempSync(join(tmpdir(), "lakeledger-e2e-"));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const servers = [];
try {
  const context = await browser.newContext();
  const links = async (base, list, table, most = 1, cell = "th") => {
    const { page } = await open(context, `${base}/${list}`);
    const found = await page.locator(`#${table} tbody ${cell} a`).evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    await page.close();
    assert.ok(found.length > 0, `there is nothing in ${list}`);
    return found.slice(0, most);
  };

  const lab = await serve(program, join(directory, "lab"));
  servers.push(lab);
  const urls = ["/", "/?group=category", "/teams", "/teams/growth", "/workloads", "/tables", "/clusters", "/waste", "/waste?status=all&confidence=high", "/waste/what-if?setting=ttl", "/data", "/ownership", "/explain", "/compare", "/help"];
  urls.push("/explore?by=team", "/explore?by=service&pivot=team&chart=line", "/explore?by=month,team&chart=bar&measure=idle", "/explore?by=cluster&measure=waste", "/search?q=growth", "/runs");
  urls.push("/explain?where=team%3Dgrowth&idle=proportional&shared=even&ownership=as-was");
  for (const list of ["workloads", "tables", "clusters", "runs"]) urls.push(...(await links(lab.base, list, list)));
  urls.push(...(await links(lab.base, "explain?where=team%3Dgrowth", "parts")));
  urls.push("/alerts", "/reports", "/schedule", "/help/api");
  urls.push(["/nowhere", 404], ["/teams/nobody", 404], ["/?from=yesterday", 400]);
  await look(browser, lab.base, urls);
  await drill(browser, lab.base);
  await explore(browser, lab.base);
  await search(browser, lab.base);
  await run(browser, lab.base);
  await still(browser, lab.base);

  const [token, entry] = tokenOf(program, "Vi", "growth");
  const guarded = await serve(program, join(directory, "guarded"), { config: entry });
  servers.push(guarded);
  await look(browser, guarded.base, ["/login"], { prefix: "guarded-" });
  const cookies = await signedIn(browser, guarded.base, token);
  await look(browser, guarded.base, ["/", "/teams/growth", ["/ownership", 403]], { prefix: "guarded-", cookies });
  await access(browser, guarded.base, token);

  const demo = await serveDemo(program, join(directory, "demo"), 21, ALERTS);
  servers.push(demo);
  const deep = ["/", "/teams", "/waste", "/waste/what-if?setting=ttl", "/alerts", "/reports", "/schedule", "/compare", "/data", "/runs", "/ownership"];
  deep.push("/explore?by=team&measure=waste", "/explore?by=team,service&chart=table");
  deep.push(...(await links(demo.base, "waste", "findings", 3)), ...(await links(demo.base, "alerts", "alerts", 2)));
  deep.push(...(await links(demo.base, "reports", "previews", 2, "td:nth-child(2)")));
  for (const list of ["teams", "workloads", "tables", "clusters", "runs"]) deep.push(...(await links(demo.base, `${list}?sort=-cost`, list)));
  await context.close();
  await look(browser, demo.base, deep, { prefix: "demo-" });
  await morning(browser, demo.base);
  await keyboard(browser, demo.base);
  await decide(browser, demo.base);
  await printed(browser, demo.base, ["/", "/teams", "/waste", "/data"]);
  await letters(browser, program, join(directory, "demo"), demo.base);

  const empty = await serve(program, join(directory, "empty"), { publish: false });
  servers.push(empty);
  await look(browser, empty.base, ["/data"], { prefix: "unpublished-" });
} finally {
  await browser.close();
  for (const server of servers) server.stop();
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = summary() ? 0 : 1;
