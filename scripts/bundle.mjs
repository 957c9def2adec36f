// Bundles static/js into static/dist: app.js on every page, charts and the flow loaded when a page has them.
import { rmSync, statSync, readdirSync } from "node:fs";
import { build, context } from "esbuild";

const options = {
  entryPoints: ["static/js/app.js"],
  outdir: "static/dist",
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  sourcemap: false,
  target: ["chrome80", "firefox78", "safari14"], // browsers of banks are old
  supported: { destructuring: true }, // Safari 14 fails only in a corner that nothing here touches
  logLimit: 5,
  chunkNames: "[name]-[hash]",
  legalComments: "linked",
  logLevel: "warning",
};

// Workers are classic scripts without chunks: old browsers know no module workers.
const workers = { ...options, entryPoints: ["static/js/hash_ids_worker.js"], splitting: false, format: "iife" };

rmSync("static/dist", { recursive: true, force: true });
if (process.argv.includes("--watch")) {
  for (const one of [options, workers]) await (await context(one)).watch();
} else {
  await build(options);
  await build(workers);
  for (const name of readdirSync("static/dist").sort()) {
    console.log(`${(statSync(`static/dist/${name}`).size / 1024).toFixed(0).padStart(6)} kB  static/dist/${name}`);
  }
}
