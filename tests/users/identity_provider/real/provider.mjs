// A certified OpenID provider on loopback, for one test: it lets in whoever types a name, and says what the test wants.
// Prints its port. Usage: node provider.mjs CALLBACK
import http from "node:http";
import { Provider } from "oidc-provider";

const [, , callback] = process.argv;
const PEOPLE = {
  ann: { email: "ann@acme.example", email_verified: true },
  chief: { email: "chief@globex.example", email_verified: true },
  unseen: { email: "ann@acme.example", email_verified: false },
};

// The issuer holds the port, so the port is known first.
const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{ client_id: "lms", client_secret: "very secret", redirect_uris: [callback] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    pkce: { required: () => true },
    cookies: { keys: ["only a test"] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) }),
  });
  server.on("request", provider.callback());
  console.log(port);
});
