import iconv = require("iconv-lite");
declare function load(): typeof iconv;
export = load;
