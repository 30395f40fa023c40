import { render } from "preact";

import { findSession } from "./api";
import { App } from "./app";
import { watchLanguage } from "./i18n";
import { watchScheme } from "./parts/scheme";
import { watchPlace } from "./router";
import "./style.css";

watchScheme();
watchLanguage();
watchPlace();
void findSession();
render(<App />, document.getElementById("page")!);
