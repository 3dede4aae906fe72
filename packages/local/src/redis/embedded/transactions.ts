import { Failure, NO_LIST, OK, type Reply } from "../resp.ts";
import { allKeys, type Context, type Table } from "./command.ts";

function leave({ session, engine }: Context) {
  session.queue = undefined;
  session.spoilt = false;
  engine.unwatch(session);
}

export const transactionCommands: Table = {
  multi: {
    arity: 1,
    noScript: true,
    run({ session }) {
      if (session.queue) throw new Failure("ERR MULTI calls can not be nested");
      session.queue = [];
      session.spoilt = false;
      return OK;
    },
  },
  exec: {
    arity: 1,
    noScript: true,
    run(context): Reply {
      const { session } = context;
      const { queue, spoilt } = session;
      if (!queue) throw new Failure("ERR EXEC without MULTI");
      // Reading a watched key that has expired since counts as its change.
      for (const id of session.watched) {
        const colon = id.indexOf(":");
        context.engine.databases[Number(id.slice(0, colon))]?.has(id.slice(colon + 1));
      }
      const { disturbed } = session;
      leave(context);
      if (spoilt) throw new Failure("EXECABORT Transaction discarded because of previous errors.");
      if (disturbed) return NO_LIST;
      return queue.map(([word = "", ...args]) => {
        const reply = session.execute(word, args, false);
        return reply instanceof Promise ? NO_LIST : reply;
      });
    },
  },
  discard: {
    arity: 1,
    noScript: true,
    run(context) {
      if (!context.session.queue) throw new Failure("ERR DISCARD without MULTI");
      leave(context);
      return OK;
    },
  },
  watch: {
    arity: -2,
    noScript: true,
    keys: allKeys,
    run({ session, engine, db }, keys) {
      if (session.queue) throw new Failure("ERR WATCH inside MULTI is not allowed");
      for (const key of keys) {
        db.has(key);
        engine.watch(session, key);
      }
      return OK;
    },
  },
  unwatch: {
    arity: 1,
    noScript: true,
    run({ session, engine }) {
      engine.unwatch(session);
      return OK;
    },
  },
};
