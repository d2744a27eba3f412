// Draws every chart of the page; says so where one cannot be drawn, and marks the page when all are done.
(() => {
  const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip: { disableDefaultStyle: true } };
  const drawn = [...document.querySelectorAll(".chart")].map(async (place) => {
    try {
      await vegaEmbed(place, JSON.parse(document.getElementById(place.dataset.specification).textContent), options);
      place.querySelector("svg").setAttribute("aria-hidden", "true"); // the place itself is told as the figure's summary
    } catch (error) {
      place.classList.add("failed");
      place.textContent = `This chart could not be drawn (${error.message}). ${place.getAttribute("aria-label")}`;
      console.error(error);
    }
  });
  Promise.all(drawn).then(() => { document.documentElement.dataset.charts = "done"; });
})();
