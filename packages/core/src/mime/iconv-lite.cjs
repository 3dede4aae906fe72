// The one place that loads iconv-lite, by `require`: on Lambda it lies in a layer, where `import` need not look
// (docs/decisions/0045). Loaded by the first text that needs it: most mail is UTF-8 or ASCII.
module.exports = () => require("iconv-lite");
