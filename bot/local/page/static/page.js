// The page's script: each part listens for itself; the live part starts last, so that all hear of the first view.

import * as composer from "./composer.js";
import * as controls from "./controls.js";
import * as frame from "./frame.js";
import * as live from "./live.js";
import * as modals from "./modals.js";

for (const part of [composer, controls, frame, modals, live]) part.start();
