import { rule } from "../rule.ts";
import { value } from "../world.ts";

export const mailRules = [
  rule({
    name: "mail.tls",
    controls: ["CKV_AWS_365"],
    statement: "Mail is sent over TLS or not at all",
    mend: 'set deliveryOptions.tlsPolicy to "REQUIRE" in the configuration set',
    absent: "no configuration set: this stage sends no mail",
    over: (world) => world.all("configurationSet", "configurationSetV1"),
    wrong: (set) =>
      String(value(set, "deliveryOptions.tlsPolicy")).toUpperCase() !== "REQUIRE" &&
      "sends in the clear to servers without TLS",
  }),
];
