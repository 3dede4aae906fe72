// The one place that loads pg, by `require`: on Lambda it lies in a layer, where `import` need not look (docs/decisions/0045).
module.exports = require("pg");
