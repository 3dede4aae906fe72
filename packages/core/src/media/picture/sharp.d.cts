import sharp = require("sharp");
declare function load(): typeof sharp;
export = load;
