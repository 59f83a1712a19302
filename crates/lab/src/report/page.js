"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const plot = document.getElementById("overview");
  const cursor = document.getElementById("cursor");
  const reading = document.getElementById("reading");

  const time = (micros) => {
    const millis = micros / 1000;
    return millis < 1000 ? `${millis.toPrecision(3)} ms` : `${(millis / 1000).toPrecision(3)} s`;
  };
  const column = (name, [least, most, lost]) => {
    const parts = [];
    if (most > 0) parts.push(least === most ? time(least) : `${time(least)} to ${time(most)}`);
    if (lost > 0) parts.push(`${lost} lost`);
    return `${name} ${parts.join(", ") || "no probe"}`;
  };
  const hide = () => {
    cursor.style.visibility = "hidden";
    reading.hidden = true;
  };

  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * data.width;
    const index = Math.floor(x - data.left);
    if (!data.udp[index]) return hide();
    const seconds = ((index / (data.right - data.left)) * data.end) / 1e6;
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("y1", data.top);
    cursor.setAttribute("y2", data.bottom);
    cursor.style.visibility = "visible";
    reading.hidden = false;
    reading.textContent =
      `${seconds.toFixed(2)} s · ${column("UDP", data.udp[index])} · ${column("TCP", data.tcp[index])}`;
  });
})();
