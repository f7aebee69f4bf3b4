// The Allure page of a session's drills: `./dev report`. Paths are taken from this file, not from the working directory.
import { fileURLToPath } from "node:url";

const reports = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

export default {
  name: "TradingChassis Ops Lab",
  output: reports("allure-report"),
  historyPath: reports("allure-history.jsonl"),
  historyLimit: 50,
  plugins: {
    awesome: {
      options: {
        reportName: "TradingChassis Ops Lab",
        singleFile: true,
        groupBy: ["epic", "feature", "story"],
      },
    },
  },
};
