// A real OpenID provider for the tests: one client, made-up people. Arguments: port, redirect address.
import Provider from "oidc-provider";

const [port, redirect] = process.argv.slice(2);
const people = {
  hana: { email: "hana@bank.example", name: "山本 花", groups: ["desk"] },
  boss: { email: "boss@bank.example", name: "部長 太郎", groups: ["desk", "admins"] },
  stranger: { email: "stranger@elsewhere.example", name: "よその人", groups: [] },
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: "kyoten", client_secret: "a secret for tests", redirect_uris: [redirect] },
  ],
  cookies: { keys: ["tests"] },
  claims: { openid: ["sub"], email: ["email"], profile: ["name", "groups"] },
  pkce: { required: () => true },
  findAccount: (_, id) =>
    people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("the provider is ready"));
