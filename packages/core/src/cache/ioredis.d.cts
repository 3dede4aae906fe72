import ioredis = require("ioredis");
export = ioredis;
