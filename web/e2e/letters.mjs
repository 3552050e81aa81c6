// Letters as a mail server that is not ours receives them and another's reader takes them apart
// (aiosmtpd, Python's email package: fixtures/checks/mail_server.py), in both widths and themes; and
// that their figures are the dashboard's.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { check, inaccessible, open, pictures, ran } from "./harness.mjs";

const WIDTHS = [1280, 390];
const THEMES = ["light", "dark"];
const SERVER = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/checks/mail_server.py");

const config = (port, base, teams) => `
[smtp]
host = "127.0.0.1"
port = ${port}
security = "none"
from = "Lakeledger <costs@example.com>"
[report]
base_url = "${base}"
platform_email = "platform@example.com"
platform_weekly = "always"
partial_weeks = true
material_spend = 0
[[digest]]
name = "data leads"
teams = ${JSON.stringify(teams)}
email = "leads@example.com"
weekly = "always"
[[channel]]
name = "on call"
kind = "email"
to = "oncall@example.com"
[[alert]]
name = "costly teams"
kind = "absolute"
by = "team"
amount = 1
severity = "error"
channels = "on call"
[[alert]]
name = "waste to mend"
kind = "waste"
amount = 1
channels = "on call"
`;

/** Mails the week and what fires of a demo, and looks at what arrives. */
export async function letters(browser, program, directory, base) {
  const python = process.env.LAKELEDGER_AIOSMTPD;
  if (!python) {
    console.log("skipped: letters as they arrive: LAKELEDGER_AIOSMTPD (a Python that has aiosmtpd) is not set");
    return;
  }
  const kept = join(directory, "letters");
  mkdirSync(kept);
  const server = spawn(python, [SERVER, kept], { stdio: ["pipe", "pipe", "ignore"] });
  try {
    const port = await new Promise((resolve, reject) => {
      // A line may come in pieces.
      let said = "";
      server.stdout.setEncoding("utf8").on("data", (text) => {
        said += text;
        const port = said.match(/port (\d+)\n/);
        if (port) resolve(Number(port[1]));
      });
      server.on("exit", (code) => reject(new Error(`the mail server ended with ${code}`)));
    });
    const costs = async (query) => (await (await fetch(`${base}/api/v1/costs?${query}`)).json()).rows;
    const teams = (await costs("by=team")).map((row) => row.team).filter((team) => team !== "(none)").slice(0, 3);
    appendFileSync(join(directory, "lakeledger.toml"), config(port, base, teams));
    ran(program, directory, "report", "weekly", "--send");
    ran(program, directory, "alerts");
    const alerts = JSON.parse(ran(program, directory, "alerts", "--format", "json")).alerts;
    const deliveries = JSON.parse(ran(program, directory, "report", "deliveries", "--limit", "1000", "--format", "json"));
    const arrived = readdirSync(kept).filter((name) => name.endsWith(".json")).map((name) => JSON.parse(readFileSync(join(kept, name), "utf8")));
    const to = (address) => arrived.filter((letter) => letter.envelope.to[0] === address);
    const team = deliveries.find((row) => row.report === "weekly" && row.state === "sent" && row.team === teams[0]);
    const week = days(deliveries.find((row) => row.report === "weekly").period);

    await check("everybody has one letter, and another's reader finds nothing wrong with it", async () => {
      const sent = deliveries.filter((row) => row.state === "sent");
      assert.equal(arrived.length, sent.length);
      assert.ok(sent.length > 5, `only ${sent.length} letters`);
      for (const letter of arrived) {
        assert.deepEqual(letter.defects, [], letter.headers.subject);
        assert.ok(Buffer.byteLength(letter.html) < 100_000, `${letter.headers.subject}: ${Buffer.byteLength(letter.html)} bytes`);
        assert.match(letter.headers["list-unsubscribe"], /^<(mailto|https):/);
      }
    });
    const shown = {
      platform: to("platform@example.com")[0],
      team: arrived.find((letter) => letter.envelope.to[0] === team.recipient && letter.headers.subject === team.subject),
      digest: to("leads@example.com")[0],
      alerts: to("oncall@example.com").find((letter) => /firing/.test(letter.headers.subject)),
      alert: to("oncall@example.com").find((letter) => /^Firing: /.test(letter.headers.subject)),
    };
    for (const [name, letter] of Object.entries(shown)) {
      assert.ok(letter, `no letter of the kind ${name}: ${arrived.map((one) => one.headers.subject).join("; ")}`);
      writeFileSync(join(kept, `${name}.html`), letter.shown);
      await looked(browser, name, pathToFileURL(join(kept, `${name}.html`)).href);
    }
    await check("plain text and HTML have the same figures", async () => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      for (const [name, letter] of Object.entries(shown)) {
        const { page } = await open(context, pathToFileURL(join(kept, `${name}.html`)).href);
        const html = (await page.locator(".card").innerText()) + (await page.locator(".bars").allTextContents()).join(" ");
        assert.deepEqual(amounts(letter.text), amounts(html), name);
      }
      await context.close();
    });
    const period = `from=${week.from}&to=${week.to}`;
    await figures(browser, base, costs, "platform", join(kept, "platform.html"), shown.platform, period, "");
    await figures(browser, base, costs, "team", join(kept, "team.html"), shown.team, period, `&where=${encodeURIComponent(`team=${teams[0]}`)}`);
    await check("a digest's figures are its teams', and add up", async () => {
      let sum = 0;
      for (const name of teams) {
        const [row] = await costs(`${period}&where=${encodeURIComponent(`team=${name}`)}`);
        sum += Number(row?.cost ?? 0);
        says(shown.digest, money(Number(row?.cost ?? 0)));
      }
      says(shown.digest, money(sum));
    });
    await check("an alert's letter says what the record says", async () => {
      for (const alert of alerts.filter((one) => one.rule === "waste to mend" || one.rule === "costly teams")) {
        const letter = alert.rule === "costly teams" ? shown.alerts : shown.alert;
        says(letter, alert.message);
        says(letter, `${base}/alerts/${alert.id}`, "html");
      }
    });
  } finally {
    server.stdin.end();
  }
}

/** A letter in the browser, whose reader has a phone or a desk, and likes it light or dark. */
async function looked(browser, name, url) {
  for (const width of WIDTHS) {
    for (const theme of THEMES) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme });
      await check(`the letter ${name} at ${width} in ${theme}`, async () => {
        const { page, complaints } = await open(context, url);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wider <= 0, `it is ${wider} px wider than the screen`);
        const cut = await page.evaluate(() => {
          const card = document.querySelector(".card");
          const texts = [...card.querySelectorAll("td, th, p, h1, h2, img")].filter((node) => node.getClientRects().length > 0);
          return texts.filter((node) => node.getBoundingClientRect().right > card.getBoundingClientRect().right + 1).map((node) => node.textContent.slice(0, 60));
        });
        assert.deepEqual(cut, [], "what stands beyond the letter's edge");
        const images = await page.evaluate(() =>
          [...document.images].map((image) => ({ alt: image.alt, isWhole: image.complete && image.naturalWidth > 0, isSeen: image.getClientRects().length > 0 })),
        );
        assert.ok(images.every((image) => image.isWhole && image.alt), JSON.stringify(images));
        // One of the two drawings at a desk, bars instead on a phone.
        if (images.length > 0) {
          assert.equal(images.filter((image) => image.isSeen).length, width < 520 ? 0 : images.length / 2);
          assert.equal(await page.locator(".bars").first().isVisible(), width < 520);
        }
        assert.deepEqual(await inaccessible(page), [], "accessibility");
        if (pictures) await page.screenshot({ path: join(pictures, `letter-${name}-${width}-${theme}.png`), fullPage: true });
        assert.deepEqual(complaints, [], "the browser complained");
      });
      await context.close();
    }
  }
}

/** A weekly report's figures beside the dashboard's. */
async function figures(browser, base, costs, name, file, letter, period, where) {
  await check(`the figures of the letter ${name} are the dashboard's`, async () => {
    const [total] = await costs(`${period}${where}`);
    says(letter, money(Number(total.cost)));
    const context = await browser.newContext();
    const { page } = await open(context, pathToFileURL(file).href);
    const rows = await page.evaluate((base) => {
      const found = [...document.querySelectorAll("td:first-child > a")].map((link) => ({
        href: link.getAttribute("href").slice(base.length),
        cost: link.closest("tr").cells[1].innerText.split("\n")[0].trim(),
      }));
      return found.filter((row) => /^\/(workloads|tables|teams)\//.test(row.href));
    }, base);
    assert.ok(rows.length >= 5, `only ${rows.length} rows lead to the dashboard`);
    for (const kind of ["workload", "table", "team"]) {
      const own = rows.filter((row) => row.href.startsWith(`/${kind}s/`));
      if (own.length === 0) continue;
      const known = new Map((await costs(`by=${kind}&${period}${where}`)).map((row) => [row[kind], money(Number(row.cost))]));
      for (const row of own) {
        const id = decodeURIComponent(row.href.split("?")[0].slice(kind.length + 3));
        // What cost something the week before and nothing in this one has a row in the letter alone.
        assert.equal(row.cost, known.get(id) ?? money(0), `${kind} ${id}`);
      }
    }
    // The page that its head leads to says the same.
    const head = await page.locator(".card > p a").first().getAttribute("href");
    const { page: there, response } = await open(context, head);
    assert.equal(response.status(), 200, head);
    const address = new URL(head);
    for (const [key, value] of new URLSearchParams(period)) address.searchParams.set(key, value);
    await there.goto(address.href);
    const text = await there.locator("main").innerText();
    assert.ok(text.includes(money(Number(total.cost))), `${address.href} does not say ${money(Number(total.cost))}: ${text.slice(0, 400)}`);
    for (const file of letter.files) {
      const [heads, ...lines] = file.text.trim().split("\r\n");
      const at = heads.split(",").indexOf("cost");
      const sum = lines.reduce((sum, line) => sum + Number(line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)[at].replace(",", "")), 0);
      assert.ok(Math.abs(sum - Number(total.cost)) < 1e-6, `${file.name} sums to ${sum}, not ${total.cost}`);
    }
    await context.close();
  });
}

/** That both texts of a letter say something; lines of plain text are filled. */
function says(letter, text, only) {
  const plain = letter.text.replace(/\s+/g, " ");
  const html = letter.html.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))).replace(/\s+/g, " ");
  if (only !== "html") assert.ok(plain.includes(text), `the plain text of "${letter.headers.subject}" does not say ${text}`);
  assert.ok(html.includes(text), `the HTML of "${letter.headers.subject}" does not say ${text}`);
}

/** Every amount and per cent a text says, once each. */
const amounts = (text) => [...new Set(text.match(/[-+]?<?\$[\d,.]*\d[KMB]?|[-+]?<?[\d.]*\d%/g))].sort();

const money = (amount) => amount.toLocaleString("en-US", { style: "currency", currency: "USD" });

/** The days of an ISO week such as 2026-W41, half-open. */
function days(week) {
  const [year, number] = week.split("-W").map(Number);
  const fourth = new Date(Date.UTC(year, 0, 4));
  const monday = new Date(fourth.getTime() + ((number - 1) * 7 - ((fourth.getUTCDay() + 6) % 7)) * 86_400_000);
  const day = (date) => date.toISOString().slice(0, 10);
  return { from: day(monday), to: day(new Date(monday.getTime() + 7 * 86_400_000)) };
}
