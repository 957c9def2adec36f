// The section navigation of a long page follows the reader; rails on a phone bring the current item into view.
import { eachNow } from "./page.js";

eachNow("[aria-current]", (item) => item.scrollIntoView({ block: "nearest", inline: "center" }));

eachNow(".secnav[data-follow]", (nav) => {
  const links = [...nav.querySelectorAll('a[href^="#"]')];
  const seen = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      links.forEach((link) => link.removeAttribute("aria-current"));
      const link = links.find((one) => one.hash === `#${entry.target.id}`);
      if (link) link.setAttribute("aria-current", "true");
    });
  }, { rootMargin: "-10% 0px -75% 0px" });
  links.forEach((link) => {
    const part = document.getElementById(link.hash.slice(1));
    if (part) seen.observe(part);
  });
});
