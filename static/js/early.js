// Before the first paint: the chosen theme, so that a dark page does not flash white.
(function () {
  var chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch (refused) { /* storage is off */ }
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
