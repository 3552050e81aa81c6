// Find anything: a dialog with a combobox and its listbox, opened by Ctrl-K, "/" or the
// rail's field. Without it the field is a form that leads to the search page.
(() => {
  "use strict";
  const element = (tag, attributes, text) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector(".finder");
    if (!form || !window.HTMLDialogElement) return;
    const dialog = element("dialog", { class: "find", "aria-label": "Find anything" });
    const input = element("input", {
      type: "text", role: "combobox", "aria-label": "Find a team, workload, table, cluster, run, page or term",
      "aria-expanded": "false", "aria-controls": "find-list", "aria-autocomplete": "list",
      autocomplete: "off", spellcheck: "false", placeholder: "Find anything", maxlength: "200",
    });
    const list = element("ul", { id: "find-list", role: "listbox", "aria-label": "Found" });
    const status = element("p", { role: "status", class: "note" }, "Type a part of a name, or the id of a run.");
    dialog.append(input, list, status);
    document.body.append(dialog);

    let active = -1;
    let all = null;
    let asking = null;
    let pending = 0;
    const options = () => [...list.children];
    const mark = (next) => {
      const found = options();
      found[active]?.setAttribute("aria-selected", "false");
      active = found.length ? (next + found.length) % found.length : -1;
      const option = found[active];
      option?.setAttribute("aria-selected", "true");
      option?.scrollIntoView({ block: "nearest" });
      if (option) input.setAttribute("aria-activedescendant", option.id);
      else input.removeAttribute("aria-activedescendant");
    };
    const show = (answer) => {
      list.replaceChildren(...answer.found.map((thing, i) => {
        const option = element("li", { id: `find-${i}`, role: "option", "aria-selected": "false" });
        option.dataset.href = thing.href;
        option.append(element("span", { class: "kind" }, thing.kind), element("span", { class: "name" }, thing.label), element("span", { class: "about" }, thing.note));
        return option;
      }));
      input.setAttribute("aria-expanded", String(answer.found.length > 0));
      status.textContent = answer.count;
      all = answer.all;
      active = -1;
      mark(0);
    };
    const ask = async () => {
      asking?.abort();
      asking = new AbortController();
      const url = new URL(form.dataset.suggest, location.href);
      url.searchParams.set("q", input.value);
      try {
        const answer = await fetch(url, { signal: asking.signal, headers: { accept: "application/json" } });
        if (!answer.ok) throw new Error(answer.statusText);
        show(await answer.json());
      } catch (error) {
        if (error.name !== "AbortError") status.textContent = "The search did not answer. Enter opens the search page.";
      }
    };
    const go = (href, aside) => {
      if (!href) return;
      if (aside) open(href, "_blank", "noopener");
      else {
        dialog.close();
        location.assign(href);
      }
    };

    input.addEventListener("input", () => {
      clearTimeout(pending);
      pending = setTimeout(ask, 60);
    });
    input.addEventListener("keydown", (event) => {
      const moves = { ArrowDown: active + 1, ArrowUp: active - 1 };
      if (event.key in moves) mark(moves[event.key]);
      else if (event.key === "Enter") {
        const searched = new URL(form.action, location.href);
        searched.searchParams.set("q", input.value);
        go(options()[active]?.dataset.href ?? all ?? searched.href, event.ctrlKey || event.metaKey);
      } else return;
      event.preventDefault();
    });
    list.addEventListener("click", (event) => {
      go(event.target.closest("li")?.dataset.href, event.ctrlKey || event.metaKey);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });

    const start = (text = "") => {
      if (dialog.open) return;
      input.value = text;
      dialog.showModal();
      input.focus();
      input.select();
      if (text) ask();
    };
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
      const asked = (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey)
        || (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey);
      if (!asked) return;
      event.preventDefault();
      start();
    });
    const field = form.querySelector("input[name=q]");
    field.addEventListener("mousedown", (event) => {
      event.preventDefault();
      start(field.value);
    });
    document.querySelector(".find-link")?.addEventListener("click", (event) => {
      event.preventDefault();
      start();
    });
    // Reached by the keyboard the field is an ordinary one, and typing in it opens the dialog.
    field.addEventListener("input", () => {
      start(field.value);
      input.setSelectionRange(input.value.length, input.value.length);
      field.value = "";
    });
  });
})();
