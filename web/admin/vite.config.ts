import { defineConfig, type ProxyOptions } from "vite";

import { apiDouble } from "./dev/double";

// STARLING_API=http://127.0.0.1:5280 npm run dev: with a real node; else with the double.
const node = process.env["STARLING_API"];
// The Origin of a change has to be the Host that was asked.
const proxy: Record<string, ProxyOptions> =
  node === undefined ? {} : { "/api": { target: node, changeOrigin: false } };

// What starlingd sends with the page.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export default defineConfig({
  base: "/admin/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  plugins: node === undefined ? [apiDouble()] : [],
  server: { proxy },
  preview: { proxy, headers: { "Content-Security-Policy": POLICY } },
  build: {
    target: "es2022",
    // The Content-Security-Policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
