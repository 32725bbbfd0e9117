// What pages gain with a script: search by "/", rows by j, k and x, what keys do by "?", dropping a
// file, printing, and a chart with a pointer. Every page works without it.
(function () {
  "use strict";
  function typing(e) {
    return /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || e.ctrlKey || e.metaKey || e.altKey;
  }
  document.addEventListener("keydown", function (e) {
    if (typing(e)) return;
    if (e.key === "/") {
      var q = document.getElementById("q");
      if (q) { e.preventDefault(); q.focus(); }
    } else if (e.key === "j" || e.key === "k") {
      var links = Array.prototype.slice.call(document.querySelectorAll(".lt-rows tbody tr a.lt-code"));
      if (!links.length) return;
      var at = links.indexOf(document.activeElement);
      at = e.key === "j" ? Math.min(links.length - 1, at + 1) : Math.max(0, at - 1);
      links[at].focus();
    } else if (e.key === "x") { // ticks the row one is in
      var row = document.activeElement.closest(".lt-rows tbody tr"), tick = row && row.querySelector("input[type=checkbox]");
      if (tick) tick.click();
    } else if (e.key === "?") {
      var keys = document.getElementById("keys");
      if (keys) { keys.open = !keys.open; keys.firstElementChild.focus(); }
    }
  });
  document.addEventListener("change", function (e) { // the name of a chosen file shows
    var box = e.target.type === "file" && e.target.closest(".lt-file-box");
    if (box) box.classList.toggle("lt-file-has", e.target.files.length > 0);
  });
  document.querySelectorAll(".lt-nav [aria-current]").forEach(function (a) { // on a phone the bar scrolls: here is where one is
    var bar = a.parentElement;
    bar.scrollLeft = Math.max(0, a.offsetLeft + a.offsetWidth / 2 - bar.offsetLeft - bar.clientWidth / 2);
  });
  document.querySelectorAll("[data-print]").forEach(function (b) {
    b.hidden = false;
    b.addEventListener("click", function () { window.print(); });
  });
  document.querySelectorAll("[data-since]").forEach(function (t) { // a stopwatch; without a script the time at which the page was made
    var begun = Date.parse(t.dataset.since);
    setInterval(function () {
      var n = Math.max(0, Math.floor((Date.now() - begun) / 1000)), s = n % 60, m = (n - s) / 60;
      t.textContent = (m < 10 ? "0" : "") + m + ":" + (s < 10 ? "0" : "") + s;
    }, 1000);
  });
  document.querySelectorAll("[data-drop]").forEach(function (form) {
    var input = form.querySelector("input[type=file]");
    ["dragover", "dragenter"].forEach(function (n) {
      form.addEventListener(n, function (e) { e.preventDefault(); form.classList.add("lt-over"); });
    });
    ["dragleave", "drop"].forEach(function (n) {
      form.addEventListener(n, function () { form.classList.remove("lt-over"); });
    });
    form.addEventListener("drop", function (e) {
      e.preventDefault();
      if (e.dataTransfer.files.length === 1) { input.files = e.dataTransfer.files; form.requestSubmit(); }
    });
  });

  function token(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  var charts = [];
  function drop() { charts.forEach(function (c) { c.dispose(); }); charts = []; }
  function draw(root) {
    if (!window.echarts) return;
    drop();
    root.querySelectorAll(".lt-chart[data-minutes]").forEach(function (box) {
      var d;
      try { d = JSON.parse(box.dataset.minutes); } catch (e) { return; }
      if (!d.time) return;
      var svg = box.querySelector("svg");
      var h = Math.max(96, box.clientHeight - 10);
      var font = getComputedStyle(document.body).fontFamily;
      var size = Math.round(parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.786);
      var holder = document.createElement("div");
      holder.className = "lt-chart-live";
      holder.style.height = h + "px";
      holder.setAttribute("role", "img");
      holder.setAttribute("aria-label", svg.getAttribute("aria-label"));
      box.replaceChildren(holder);
      var number = new Intl.NumberFormat(document.documentElement.lang).format;
      var chart = window.echarts.init(holder, null, { renderer: "svg" });
      chart.setOption({
        animation: false,
        textStyle: { fontFamily: font, color: token("--ink3") },
        grid: { left: 44, right: 12, top: 14, bottom: 24 },
        tooltip: { trigger: "axis", valueFormatter: number, renderMode: "richText", backgroundColor: token("--surface"), borderColor: token("--line"), textStyle: { color: token("--ink"), fontFamily: font } },
        xAxis: { type: "category", data: d.time, boundaryGap: false, axisTick: { show: false }, axisLine: { lineStyle: { color: token("--line") } },
          axisLabel: { color: token("--ink3"), fontSize: size, interval: function (i, v) { return /:(00|15|30|45)$/.test(v); } } },
        yAxis: { type: "value", minInterval: 1, splitNumber: 2, axisLabel: { color: token("--ink3"), fontSize: size, formatter: number }, splitLine: { lineStyle: { color: token("--line") } } },
        series: [
          { name: d.names[0], type: "line", showSymbol: false, data: d.accepted, lineStyle: { color: token("--brand"), width: 2 }, itemStyle: { color: token("--brand") }, areaStyle: { color: token("--brand"), opacity: 0.08 } },
          { name: d.names[1], type: "line", showSymbol: false, data: d.rejected, lineStyle: { color: token("--bad-mark"), width: 2 }, itemStyle: { color: token("--bad-mark") } }
        ]
      });
      charts.push(chart);
    });
  }
  function ready() { draw(document); }
  if (document.fonts && document.fonts.ready) { document.fonts.ready.then(ready); } else { ready(); }
  window.addEventListener("resize", function () { charts.forEach(function (c) { c.resize(); }); });
  // Whoever is reading with the keyboard, or not looking, is not interrupted.
  document.addEventListener("htmx:beforeRequest", function (e) {
    if (document.hidden || (e.target.id === "live" && e.target.contains(document.activeElement))) e.preventDefault();
  });
  // The state sentence is spoken when it changes, not each time it is fetched.
  document.addEventListener("htmx:oobBeforeSwap", function (e) {
    var fresh = e.detail.fragment && e.detail.fragment.textContent.trim();
    if (e.detail.target.id === "state" && fresh === e.detail.target.textContent.trim()) e.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:beforeSwap", drop);
  document.addEventListener("htmx:afterSwap", function (e) { if (e.target.id === "live") draw(e.target); });
})();
