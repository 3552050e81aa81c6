// Runs before the first paint: the chosen theme, and that scripts run at all. Then makes
// whole rows links and chosen selects submit; without it the links and the button do.
(() => {
  "use strict";
  const root = document.documentElement;
  const themes = ["system", "light", "dark"];
  const stored = () => {
    try {
      const theme = localStorage.getItem("theme");
      return themes.includes(theme) ? theme : "system";
    } catch {
      return "system"; // Storage may be forbidden; the choice then lasts for this page.
    }
  };
  let theme = stored();
  const apply = () => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
  };
  root.classList.add("scripted");
  apply();

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      button.querySelector("span").textContent = theme;
    };
    label();
    button.addEventListener("click", () => {
      theme = themes[(themes.indexOf(theme) + 1) % themes.length];
      try {
        localStorage.setItem("theme", theme);
      } catch {
        // As above.
      }
      apply();
      label();
      document.dispatchEvent(new Event("themechange"));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      document.dispatchEvent(new Event("themechange"));
    });
    for (const table of document.querySelectorAll(".table tbody")) {
      table.addEventListener("click", (event) => {
        // Links keep their own way, and marking a figure to copy it is no click.
        if (event.target.closest("a") || String(getSelection())) return;
        const link = event.target.closest("tr")?.querySelector("th a");
        if (!link) return;
        if (event.ctrlKey || event.metaKey) open(link.href, "_blank", "noopener");
        else location.assign(link.href);
      });
    }
    for (const copy of document.querySelectorAll(".copy")) {
      copy.addEventListener("click", async () => {
        const written = copy.parentElement.querySelector("textarea");
        const text = written ? written.value : copy.parentElement.querySelector("code").textContent;
        try {
          await navigator.clipboard.writeText(text);
          copy.textContent = "Copied";
        } catch {
          // Not allowed here: mark it, so that one key copies it.
          if (written) written.select();
          else getSelection().selectAllChildren(copy.parentElement.querySelector("code"));
        }
      });
    }
    // A filter is a choice: no second click needed. But keys step through a closed select, and each
    // step is a change: what they chose is sent by Enter, or by the button.
    const steps = (event) =>
      !event.altKey && (/^(Arrow|Page|Home$|End$)/.test(event.key) || (event.key.length === 1 && event.key !== " "));
    for (const select of document.querySelectorAll(".filters select:not(.restrict-by)")) {
      const sent = select.value;
      let stepped = false;
      select.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") {
          stepped = steps(event);
          return;
        }
        stepped = false;
        if (select.value === sent) return;
        event.preventDefault();
        select.form.requestSubmit();
      });
      select.addEventListener("pointerdown", () => (stepped = false));
      select.addEventListener("change", () => {
        if (!stepped) select.form.requestSubmit();
      });
    }
    // A restriction needs a value too: what there is to choose from is asked for.
    for (const select of document.querySelectorAll(".restrict-by")) {
      const field = select.form.querySelector("[name=is]");
      select.addEventListener("change", async () => {
        const url = new URL(select.dataset.values, location.href);
        url.searchParams.set("dimension", select.value);
        const answer = select.value ? await fetch(url).catch(() => null) : null;
        const values = answer?.ok ? await answer.json() : [];
        field.list.replaceChildren(...values.map((value) => new Option(value, value)));
        field.focus();
      });
      // A value taken from the list is a whole one.
      field.addEventListener("input", (event) => {
        if (event.inputType === "insertReplacementText" && field.value) field.form.requestSubmit();
      });
    }
  });
})();
