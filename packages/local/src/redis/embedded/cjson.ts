/** `cjson`, which Redis' scripts find (https://redis.io/docs/latest/develop/interact/programmability/lua-api/#cjson-library). */
import type { LuaState } from "fengari";
import { Failure } from "../resp.ts";
import { bytes, fengari, pushString, textOf } from "./lua.ts";

/** Its address stands for JSON's null, which is no nil. */
export const cjsonNull = {};
const DEEPEST = 1000;

/** @throws Failure */
export function encodeJson(state: LuaState, index: number, depth = 0): string {
  const { lua, lauxlib } = fengari();
  if (depth > DEEPEST) throw new Failure("ERR Cannot serialise, excessive depth");
  lauxlib.luaL_checkstack(state, 4, bytes("too deep"));
  const at = lua.lua_absindex(state, index);
  switch (lua.lua_type(state, at)) {
    case lua.LUA_TNIL:
      return "null";
    case lua.LUA_TBOOLEAN:
      return String(lua.lua_toboolean(state, at));
    case lua.LUA_TNUMBER:
      return JSON.stringify(lua.lua_tonumber(state, at));
    case lua.LUA_TSTRING:
      return quote(textOf(lua.lua_tolstring(state, at)));
    case lua.LUA_TTABLE:
      return encodeTable(state, at, depth);
    default:
      if (lua.lua_touserdata(state, at) === cjsonNull) return "null";
      throw new Failure("ERR Cannot serialise this type");
  }
}

/** Bytes stay as they are: what is UTF-8 in the script is UTF-8 in the JSON. */
const quote = (text: string) => JSON.stringify(text);

function encodeTable(state: LuaState, table: number, depth: number): string {
  const { lua } = fengari();
  const length = lua.lua_rawlen(state, table);
  const members: string[] = [];
  let isList = length > 0;
  lua.lua_pushnil(state);
  while (lua.lua_next(state, table)) {
    const isNumber = lua.lua_type(state, -2) === lua.LUA_TNUMBER;
    if (!isNumber) isList = false;
    // A copy: turning the key itself into a string would confuse the iteration.
    lua.lua_pushvalue(state, -2);
    members.push(`${quote(textOf(lua.lua_tolstring(state, -1)))}:${encodeJson(state, -2, depth + 1)}`);
    lua.lua_pop(state, 2);
  }
  if (!isList) return `{${members.join(",")}}`;
  const items: string[] = [];
  for (let item = 1; item <= length; item++) {
    lua.lua_rawgeti(state, table, item);
    items.push(encodeJson(state, -1, depth + 1));
    lua.lua_pop(state, 1);
  }
  return `[${items.join(",")}]`;
}

/** Leaves the value on the stack. @throws Failure */
export function decodeJson(state: LuaState, text: string): void {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "latin1").toString("utf8"));
  } catch (error) {
    throw new Failure(`ERR Expected value but found invalid token: ${(error as Error).message}`);
  }
  pushJson(state, value);
}

function pushJson(state: LuaState, value: unknown): void {
  const { lua, lauxlib } = fengari();
  lauxlib.luaL_checkstack(state, 4, bytes("too deep"));
  if (typeof value === "boolean") lua.lua_pushboolean(state, value);
  else if (typeof value === "number") lua.lua_pushnumber(state, value);
  else if (typeof value === "string") pushString(state, asBytes(value));
  else if (Array.isArray(value)) {
    lua.lua_createtable(state, value.length, 0);
    for (const [index, item] of value.entries()) {
      pushJson(state, item);
      lua.lua_rawseti(state, -2, index + 1);
    }
  } else if (value && typeof value === "object") {
    lua.lua_createtable(state, 0, 0);
    for (const [name, member] of Object.entries(value)) {
      pushString(state, asBytes(name));
      pushJson(state, member);
      lua.lua_rawset(state, -3);
    }
  } else lua.lua_pushlightuserdata(state, cjsonNull);
}

const asBytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");
