/**
 * Lua for scripts. Redis has 5.1, whose numbers are doubles; fengari is 5.3 with integers of 32 bits. Numbers go in
 * as doubles, so that a time in milliseconds does not wrap, and are written without `.0`.
 */
import { createRequire } from "node:module";
import type { LuaState } from "fengari";
import { Failure } from "../resp.ts";

type Fengari = typeof import("fengari");

/** Loaded on the first script: most runs have none. */
let loaded: Fengari | undefined;
export function fengari(): Fengari {
  if (loaded) return loaded;
  const before = process.env.FENGARICONF;
  process.env.FENGARICONF = JSON.stringify({ LUA_COMPAT_FLOATSTRING: true });
  try {
    loaded = createRequire(import.meta.url)("fengari") as Fengari;
  } finally {
    if (before === undefined) delete process.env.FENGARICONF;
    else process.env.FENGARICONF = before;
  }
  return loaded;
}

/** Strings carry one byte a character, as everywhere in this server. */
export const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
export const textOf = (data: Uint8Array | null) => Buffer.from(data ?? []).toString("latin1");

/** What crosses between Lua and here. Tables are lists up to their first nil, or one field `ok` or `err`. */
export type LuaValue = boolean | number | string | LuaValue[] | { ok: string } | { err: string } | undefined;

const DEEPEST = 100;

export function push(state: LuaState, value: LuaValue): void {
  const { lua, lauxlib } = fengari();
  lauxlib.luaL_checkstack(state, 4, bytes("too deep"));
  if (value === undefined) lua.lua_pushnil(state);
  else if (typeof value === "boolean") lua.lua_pushboolean(state, value);
  else if (typeof value === "number") lua.lua_pushnumber(state, value);
  else if (typeof value === "string") pushString(state, value);
  else if (Array.isArray(value)) {
    lua.lua_createtable(state, value.length, 0);
    for (const [index, item] of value.entries()) {
      push(state, item);
      lua.lua_rawseti(state, -2, index + 1);
    }
  } else {
    lua.lua_createtable(state, 0, 1);
    const [name, text] = "ok" in value ? ["ok", value.ok] : ["err", value.err];
    setField(state, name, text);
  }
}
export function pushString(state: LuaState, text: string): void {
  const data = bytes(text);
  fengari().lua.lua_pushlstring(state, data, data.length);
}
function setField(state: LuaState, name: string, text: string) {
  pushString(state, name);
  pushString(state, text);
  fengari().lua.lua_rawset(state, -3);
}

/** @throws Failure when tables are nested too deep, as those that hold themselves are. */
export function read(state: LuaState, index: number, depth = 0): LuaValue {
  const { lua, lauxlib } = fengari();
  if (depth > DEEPEST) throw new Failure("ERR reached lua stack limit");
  lauxlib.luaL_checkstack(state, 4, bytes("too deep"));
  switch (lua.lua_type(state, index)) {
    case lua.LUA_TBOOLEAN:
      return lua.lua_toboolean(state, index);
    case lua.LUA_TNUMBER:
      return lua.lua_tonumber(state, index);
    case lua.LUA_TSTRING:
      return textOf(lua.lua_tolstring(state, index));
    case lua.LUA_TTABLE: {
      const table = lua.lua_absindex(state, index);
      const err = field(state, table, "err");
      if (err !== undefined) return { err };
      const ok = field(state, table, "ok");
      if (ok !== undefined) return { ok };
      const items: LuaValue[] = [];
      for (let item = 1; ; item++) {
        const isNil = lua.lua_rawgeti(state, table, item) === lua.LUA_TNIL;
        if (!isNil) items.push(read(state, -1, depth + 1));
        lua.lua_pop(state, 1);
        if (isNil) return items;
      }
    }
    default:
      return undefined;
  }
}
function field(state: LuaState, table: number, name: string): string | undefined {
  const { lua } = fengari();
  pushString(state, name);
  const found =
    lua.lua_rawget(state, table) === lua.LUA_TSTRING ? textOf(lua.lua_tolstring(state, -1)) : undefined;
  lua.lua_pop(state, 1);
  return found;
}
