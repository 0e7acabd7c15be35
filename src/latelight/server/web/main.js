/** The page: its frame, and a view for each address. */

import { h } from "./dom.js";
import { frame } from "./frame.js";
import { start } from "./router.js";
import { compareView } from "./views/compare.js";
import { evaluationsView } from "./views/evaluations.js";
import { evidenceView } from "./views/evidence.js";
import { libraryView } from "./views/library.js";
import { releasesView } from "./views/releases.js";
import { searchView } from "./views/search.js";

const main = h("main", { id: "main", tabindex: "-1" });
const around = frame(main, () => again());
document.body.append(around.skip, around.top, main, around.foot);
const again = start(
  main,
  {
    search: searchView,
    similar: searchView,
    evidence: evidenceView,
    compare: compareView,
    library: libraryView,
    evaluations: evaluationsView,
    releases: releasesView,
  },
  around.shown,
);
