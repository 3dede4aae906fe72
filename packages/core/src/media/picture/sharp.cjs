// The one place that loads sharp, by `require`: on Lambda it lies in a layer, where `import` need not look
// (docs/decisions/0045). Loaded by the first picture: it is a native library of 20 MB.
module.exports = () => require("sharp");
