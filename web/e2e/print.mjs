// What is printed: paper is white, whatever theme was chosen.

import assert from "node:assert/strict";
import { check, inaccessible, open } from "./harness.mjs";

/** Prints pages in either theme: ink on white, with the contrast that a screen has. */
export async function printed(browser, base, urls) {
  for (const theme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: theme });
    await context.addInitScript((theme) => localStorage.setItem("theme", theme), theme);
    for (const url of urls) {
      await check(`${url} printed in ${theme}`, async () => {
        const { page } = await open(context, base + url);
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
        await page.emulateMedia({ media: "print", colorScheme: theme });
        const colours = await page.evaluate(() => {
          const { backgroundColor, color, colorScheme } = getComputedStyle(document.body);
          return { backgroundColor, color, colorScheme };
        });
        assert.deepEqual(colours, { backgroundColor: "rgb(255, 255, 255)", color: "rgb(27, 33, 40)", colorScheme: "light" });
        // Pictures have no sheet's colours but their own.
        await page.evaluate(() => document.querySelectorAll(".still").forEach((still) => still.remove()));
        assert.deepEqual((await inaccessible(page)).filter((fault) => fault.startsWith("color-contrast")), [], "contrast");
        await page.close();
      });
    }
    await context.close();
  }
}
