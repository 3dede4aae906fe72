/**
 * Live events over the websocket: one-time tickets, connections and their subscriptions, events with a gapless number
 * per topic, and the push that brings every connection up to its topics.
 */
export { connect, disconnect, expire, receive, sweep } from "./connections.ts";
export {
  ClientMessage,
  encode,
  eventFor,
  frameBytes,
  type ServerMessage,
  type StoredEvent,
} from "./protocol.ts";
export { type NewEvent, publish } from "./publish.ts";
export { type PushOptions, push } from "./push.ts";
export { type Bearer, createTicket, parseRoles, redeemTicket } from "./tickets.ts";
