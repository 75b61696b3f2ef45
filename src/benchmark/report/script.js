"use strict";
// Headings of sortable tables become buttons; rows stay within their group.
document.querySelectorAll("table.sortable").forEach(function (table) {
  table.querySelectorAll("thead th").forEach(function (head, column) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.title = "Sort by this column";
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var falling = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      var key = function (row) {
        var cell = row.children[column];
        var number = cell.getAttribute("data-sort");
        return number === null ? cell.textContent : number === "" ? NaN : Number(number);
      };
      var order = function (a, b) {
        var one = key(a), other = key(b);
        if (typeof one === "string") { return one.localeCompare(other) * (falling ? -1 : 1); }
        // What has no number comes last either way.
        if (isNaN(one)) { return isNaN(other) ? 0 : 1; }
        if (isNaN(other)) { return -1; }
        return (one - other) * (falling ? -1 : 1);
      };
      Array.from(table.tBodies).forEach(function (body) {
        Array.from(body.rows).sort(order).forEach(function (row) { body.appendChild(row); });
      });
    });
  });
});
// Cases in the order of a method's score.
var picker = document.getElementById("case-order");
if (picker) {
  picker.addEventListener("change", function () {
    var list = document.getElementById("cases");
    var key = function (own) {
      var value = own.getAttribute("data-" + picker.value);
      return value === null || value === "" ? Infinity : Number(value);
    };
    Array.from(list.children)
      .sort(function (a, b) { return key(a) - key(b); })
      .forEach(function (own) { list.appendChild(own); });
  });
}
// Paper shows everything.
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (own) { own.open = true; });
});
