// Draws the charts of a page with ECharts from the JSON beside each. Formats no figure:
// every text comes from the server. Tooltips are built as elements, never as HTML, so that
// a name is only ever text (and no inline style meets the content security policy).
(() => {
  "use strict";
  const drawn = [];

  // Colours as the style sheet resolves them for the current theme.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.documentElement.append(probe);
  const colourOf = (className) => {
    probe.className = className;
    return getComputedStyle(probe).color;
  };
  const variable = (name) => colourOf(`probe-${name}`);

  const hatch = (colour, surface) => {
    const canvas = document.createElement("canvas");
    const size = 8;
    canvas.width = canvas.height = size;
    const draw = canvas.getContext("2d");
    draw.fillStyle = surface;
    draw.fillRect(0, 0, size, size);
    draw.strokeStyle = colour;
    draw.lineWidth = 2.2;
    draw.beginPath();
    for (const shift of [-size, 0, size]) {
      draw.moveTo(shift, size);
      draw.lineTo(shift + size, 0);
    }
    draw.stroke();
    return { image: canvas, repeat: "repeat" };
  };

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const swatch = (className) => element("i", `tip-swatch ${className}`);
  const tip = (head, rows, foot) => {
    const box = element("div", "tip");
    box.append(element("div", "tip-head", head));
    const table = element("table");
    for (const [className, name, shown, chosen] of rows) {
      const row = element("tr", chosen === true ? "chosen" : "");
      const label = element("th");
      if (className) label.append(swatch(className));
      label.append(name);
      row.append(label, element("td", "", shown));
      table.append(row);
    }
    box.append(table);
    if (foot) box.append(element("div", "tip-foot", foot));
    return box;
  };

  const go = (href) => {
    if (href) location.assign(href);
  };
  const onDay = (href, day) => {
    if (!day.day) return href;
    const url = new URL(href, location.href);
    url.searchParams.set("from", day.day);
    if (day.next) url.searchParams.set("to", day.next);
    return url.href;
  };

  const common = () => ({
    animation: false, // Nothing jumps, and a print or a screenshot is never half drawn.
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: variable("muted") },
  });
  const tooltip = (more) => ({
    confine: true,
    backgroundColor: variable("surface"),
    borderColor: variable("rule"),
    textStyle: { color: variable("ink"), fontSize: 12 },
    transitionDuration: 0,
    ...more,
  });
  const valueAxis = (axis) => ({
    type: "value",
    min: axis.min,
    max: axis.max,
    interval: axis.step,
    axisLabel: { color: variable("muted"), hideOverlap: true, formatter: (value) => axis.labels[Math.round((value - axis.min) / axis.step)] ?? "" },
    splitLine: { lineStyle: { color: variable("rule") } },
  });

  // A long label at either end would lie outside of the drawing.
  const pointLabel = (data) => {
    const long = data.kind === "lines" || (data.days.length > 12 && data.days.some((day) => day.short.length > 7));
    return { color: variable("muted"), hideOverlap: true, ...(long && { alignMinLabel: "left", alignMaxLabel: "right" }) };
  };

  const stacked = (data) => {
    const surface = variable("surface");
    const fills = data.series.map((series) => {
      const colour = colourOf(series.class);
      return series.hatched ? hatch(colour, surface) : colour;
    });
    // Weekends get a band behind the columns.
    const bands = data.days.flatMap((day, i) => (day.weekend ? [[{ xAxis: i }, { xAxis: i }]] : []));
    return {
      ...common(),
      grid: { left: 8, right: 8, top: 12, bottom: 4, containLabel: true },
      tooltip: tooltip({
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { color: variable("ink"), opacity: 0.06 } },
        formatter: (points) => {
          const at = points[0].dataIndex;
          const rows = data.series
            .map((series, i) => [series.class, series.name, series.shown[at], data.chosen === i])
            .filter((row, i) => data.series[i].values[at] !== 0)
            .reverse();
          if (data.totals.length) rows.push(["", "Total", data.totals[at]]);
          const leads = data.series.some((series) => series.href);
          const chosen = data.series[data.chosen];
          // What is not told apart, and what no question has as its answer, opens nothing.
          const opens = !chosen ? "Click a colour to open it." : chosen.href && `Enter opens ${chosen.name}.`;
          return tip(data.days[at].long, rows, data.days[at].partial ? "Not all of it is here yet." : leads && opens);
        },
      }),
      xAxis: {
        type: "category",
        data: data.days.map((day) => day.short),
        axisLine: { lineStyle: { color: variable("rule") } },
        // Not seen, but one a column: the bands lie between them.
        axisTick: { show: false, interval: 0 },
        axisLabel: pointLabel(data),
      },
      yAxis: valueAxis(data.axis),
      series: data.series.map((series, i) => ({
        type: "bar",
        stack: "all",
        name: series.name,
        cursor: series.href ? "pointer" : "default",
        barMaxWidth: 56,
        barCategoryGap: "28%",
        itemStyle: { color: fills[i], borderColor: surface, borderWidth: 0.5 },
        emphasis: { disabled: true },
        data: series.values.map((value, at) => ({ value, itemStyle: { opacity: data.days[at].partial ? 0.5 : 1 } })),
        markArea:
          i === 0 && bands.length
            ? { silent: true, itemStyle: { color: variable("band") }, data: bands, z: -1 }
            : undefined,
      })),
      click: (event) => {
        const series = data.series[event.seriesIndex];
        if (series?.href) go(onDay(series.href, data.days[event.dataIndex]));
      },
    };
  };

  const lines = (data) => {
    const colours = data.series.map((series) => colourOf(series.class));
    return {
      ...common(),
      grid: { left: 8, right: 8, top: 12, bottom: 4, containLabel: true },
      tooltip: tooltip({
        trigger: "axis",
        axisPointer: { type: "line", lineStyle: { color: variable("muted") } },
        formatter: (points) => {
          const at = points[0].dataIndex;
          return tip(data.days[at].long, data.series.map((series, i) => [series.class, series.name, series.shown[at], data.chosen === i]));
        },
      }),
      xAxis: {
        type: "category",
        data: data.days.map((day) => day.short),
        boundaryGap: data.steps || data.days.length === 1,
        axisLine: { lineStyle: { color: variable("rule") } },
        axisTick: { show: false },
        axisLabel: pointLabel(data),
      },
      yAxis: valueAxis(data.axis),
      series: data.series.map((series, i) => ({
        type: "line",
        name: series.name,
        step: data.steps ? "middle" : false,
        cursor: series.href ? "pointer" : "default",
        symbol: "circle",
        symbolSize: 5,
        showSymbol: data.days.length < 40,
        // Lines are told apart by their strokes too, not only by their colours.
        lineStyle: { color: colours[i], width: 2, type: series.hatched ? "dashed" : "solid" },
        itemStyle: { color: colours[i] },
        areaStyle: data.steps && i === 0 ? { color: colours[i], opacity: 0.16 } : undefined,
        emphasis: { disabled: true },
        data: series.values,
      })),
      click: (event) => {
        const series = data.series[event.seriesIndex];
        if (series?.href) go(onDay(series.href, data.days[event.dataIndex]));
      },
    };
  };

  const measure = document.createElement("canvas").getContext("2d");
  const textWidth = (text) => {
    measure.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    return measure.measureText(text).width;
  };

  const ranks = (data) => {
    const room = Math.min(300, innerWidth * 0.36);
    const names = Math.min(room, Math.max(...data.items.map((item) => textWidth(item.name)))) + 4;
    return {
      ...common(),
      grid: { left: names + 12, right: 76, top: 4, bottom: 24 },
      tooltip: tooltip({
        trigger: "item",
        formatter: (point) => {
          const item = data.items[point.dataIndex];
          return tip(item.name, [["", "Cost", item.shown]], "Click to open it.");
        },
      }),
      xAxis: { ...valueAxis(data.axis), splitNumber: 3 },
      yAxis: {
        type: "category",
        inverse: true,
        data: data.items.map((item) => item.name),
        axisLine: { lineStyle: { color: variable("rule") } },
        axisTick: { show: false },
        axisLabel: { color: variable("ink"), width: names, overflow: "truncate" },
      },
      series: [
        {
          type: "bar",
          barMaxWidth: 18,
          cursor: "pointer",
          data: data.items.map((item) => ({ value: item.value, itemStyle: { color: colourOf(item.class) } })),
          label: { show: true, position: "right", color: variable("ink"), formatter: (point) => data.items[point.dataIndex].short },
          emphasis: { disabled: true },
        },
      ],
      click: (event) => go(data.items[event.dataIndex]?.href),
    };
  };

  const flow = (data) => {
    const surface = variable("surface");
    const labels = new Map(data.nodes.map((node) => [node.id, node]));
    const narrow = innerWidth < 700;
    const label = (node) => (narrow ? node.label : `${node.label}  ${node.shown}`);
    const last = Math.max(...data.nodes.map((node) => node.depth));
    const names = Math.max(...data.nodes.filter((node) => node.depth === last).map((node) => textWidth(label(node))));
    const room = Math.min(narrow ? 84 : 360, names + 16);
    return {
      ...common(),
      tooltip: tooltip({
        trigger: "item",
        formatter: (point) => {
          if (point.dataType === "edge") {
            const link = data.links[point.dataIndex];
            const ends = [link.source, link.target].map((id) => labels.get(id)?.label ?? "");
            return tip(ends.join(" → "), [["", "Cost", link.shown]]);
          }
          const node = data.nodes[point.dataIndex];
          return tip(node.label, [["", "Cost", node.shown]], node.href && "Click to open it.");
        },
      }),
      series: [
        {
          type: "sankey",
          left: 4,
          right: room,
          // In the order they are given: the largest on top.
          layoutIterations: 0,
          top: 8,
          bottom: 8,
          nodeWidth: 12,
          nodeGap: narrow ? 14 : 18,
          draggable: false,
          emphasis: { focus: "adjacency" },
          lineStyle: { color: "source", opacity: 0.28, curveness: 0.5 },
          label: {
            color: variable("ink"),
            fontSize: narrow ? 10 : 12,
            formatter: (point) => label(labels.get(point.name)),
            width: narrow ? 80 : 360,
            overflow: "truncate",
          },
          data: data.nodes.map((node) => ({
            name: node.id,
            depth: node.depth,
            itemStyle: {
              color: node.hatched ? hatch(colourOf(node.class), surface) : colourOf(node.class),
              borderColor: colourOf(node.class),
              borderWidth: node.hatched ? 1 : 0,
            },
          })),
          links: data.links.map((link) => ({
            source: link.source,
            target: link.target,
            value: link.value,
            // A pattern cannot be carried along a link: it gets the plain colour, of its source
            // or, where that has none of its own, of where it goes.
            lineStyle: { color: colourOf([link.source, link.target].map((id) => labels.get(id)?.class).find((name) => name && !["slot-other", "slot-idle"].includes(name)) ?? "slot-other") },
          })),
        },
      ],
      click: (event) => {
        if (event.dataType === "node") go(data.nodes[event.dataIndex]?.href);
      },
    };
  };

  const kinds = { stacked, lines, ranks, flow };
  const draw = (chart) => {
    const { click, ...option } = kinds[chart.data.kind](chart.data);
    chart.echart.setOption(option, true);
    chart.click = click;
  };

  // What the eye sees at a place, in words.
  const said = (data, at) => {
    if (data.items) return `${data.items[at].name}: ${data.items[at].shown}`;
    if (data.nodes) return `${data.nodes[at].label}: ${data.nodes[at].shown}`;
    const series = data.series.filter((series) => series.values[at] !== 0).map((series) => `${series.name} ${series.shown[at]}`);
    const total = data.totals?.length ? [`total ${data.totals[at]}`] : [];
    return `${data.days[at].long}: ${[...series, ...total].join(", ") || "nothing"}`;
  };

  // The keyboard does what the mouse does: arrows go from place to place and, where there are
  // several, from colour to colour; Enter opens, Escape leaves.
  const keyboard = (figure, chart) => {
    const { data, echart } = chart;
    const drawing = figure.querySelector(".drawing");
    const size = (data.days ?? data.items ?? data.nodes).length;
    const words = element("p", "unseen");
    words.setAttribute("role", "status");
    figure.append(words);
    drawing.tabIndex = 0;
    drawing.setAttribute("role", "group");
    drawing.setAttribute("aria-label", `${data.title}: arrow keys read it, Enter opens`);
    let at = -1;
    const choose = (step) => {
      const shown = data.series.flatMap((series, i) => (series.values[at] !== 0 ? [i] : []));
      if (!shown.length) return;
      // The largest is what most are after.
      const first = shown.reduce((a, b) => (data.series[b].values[at] > data.series[a].values[at] ? b : a));
      const place = shown.indexOf(data.chosen);
      data.chosen = place < 0 ? first : shown[Math.min(shown.length - 1, Math.max(0, place + step))];
    };
    const show = () => {
      echart.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: at });
      words.textContent = said(data, at);
    };
    const leave = () => {
      at = -1;
      delete data.chosen;
      echart.dispatchAction({ type: "hideTip" });
      words.textContent = "";
    };
    drawing.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const across = !data.series;
      const along = { ArrowLeft: -1, ArrowRight: 1, ...(across && { ArrowUp: -1, ArrowDown: 1 }) }[event.key];
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (along) at = at < 0 ? (along > 0 ? 0 : size - 1) : Math.min(size - 1, Math.max(0, at + along));
      else if (event.key === "Home") at = 0;
      else if (event.key === "End") at = size - 1;
      else if (event.key === "Escape" && at >= 0) return leave();
      else if (event.key === "Enter" && at >= 0) return chart.click?.({ seriesIndex: data.chosen, dataIndex: at, dataType: "node" });
      else if (!step || at < 0) return;
      event.preventDefault();
      if (data.series) choose(along ? 0 : step ?? 0);
      show();
    });
    drawing.addEventListener("blur", leave);
  };

  for (const figure of document.querySelectorAll("figure.chart:has(.live)")) {
    const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const size = data.series?.length ?? data.items?.length ?? data.nodes?.length ?? 0;
    if (!window.echarts || !kinds[data.kind] || size === 0) continue;
    const live = figure.querySelector(".live");
    live.hidden = false;
    figure.classList.add("drawn");
    if (data.kind === "ranks") figure.style.setProperty("--rows", data.items.length);
    const echart = echarts.init(live, null, { renderer: "canvas" });
    // The table and the legend say it in words; the canvas is for the eye.
    live.setAttribute("aria-hidden", "true");
    const chart = { echart, data, click: null };
    draw(chart);
    echart.on("click", (event) => chart.click?.(event));
    keyboard(figure, chart);
    drawn.push(chart);
  }

  document.addEventListener("themechange", () => drawn.forEach(draw));
  let pending = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => drawn.forEach((chart) => {
      chart.echart.resize();
      draw(chart);
    }));
  });
})();
