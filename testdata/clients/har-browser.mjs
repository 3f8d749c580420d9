// Opens a page in a browser with a HAR:
//   har-browser.mjs serve BROWSER HAR URL   answers all requests from the HAR
//   har-browser.mjs record BROWSER HAR URL  writes what the page does to the HAR
// The page has a promise window.report, whose value is printed as JSON.
import { chromium } from "playwright-core";

const [action, executablePath, path, url] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
});
try {
  const context = await browser.newContext(action === "record" ? { recordHar: { path, content: "embed" } } : {});
  if (action === "serve") {
    await context.routeFromHAR(path, { notFound: "abort" });
  }
  const page = await context.newPage();
  await page.goto(url);
  console.log(JSON.stringify(await page.evaluate(() => window.report)));
  await context.close();
} finally {
  await browser.close();
}
