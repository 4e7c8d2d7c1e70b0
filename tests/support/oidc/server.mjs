// A real identity provider: `node server.mjs PORT FOLDER` on loopback, where
// FOLDER holds node_modules; `node server.mjs PORT FOLDER HOST CERTIFICATES` for
// others, called HOST, over TLS with what lies in CERTIFICATES.
//
// The client `app` gets tokens (client_credentials), the client `gateway` may
// ask about them. What a token is like is said by the resource it is for:
// `urn:api:FORMAT:SECONDS:TENANT:TIER`, FORMAT being `opaque` or `jwt`.
//
// Besides what the protocols define there is `GET /control/calls`, how often
// each path was called, and `POST /control/rotate`, which replaces the signing
// key; with `?keep` the old one is published a while longer.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [port, folder, host, certificates] = process.argv.slice(2);
const issuer = host ? `https://${host}:${port}` : `http://127.0.0.1:${port}`;
const modules = createRequire(`${folder}/`);
const { default: Provider, errors } = await import(
  pathToFileURL(modules.resolve('oidc-provider')).href
);

// A secret with everything in it that has to be escaped on the way.
const GATEWAY_SECRET = 'gateway:secret/with+all%of it&more=~';

const calls = {};
let keys = [newKey()];
let answer = newProvider();

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}

function newProvider() {
  const provider = new Provider(issuer, {
    clients: [
      client('app', 'app-secret', ['client_credentials']),
      client('gateway', GATEWAY_SECRET, []),
    ],
    jwks: { keys },
    scopes: ['orders.read', 'orders.write'],
    cookies: { keys: [randomUUID()] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_ctx, name) => resource(name) },
    },
    extraTokenClaims: (ctx) => {
      const { tenant, tier } = parts(ctx.oidc.params.resource);
      return { tenant, plan: tier };
    },
    ttl: { ClientCredentials: (_ctx, token) => token.resourceServer.accessTokenTTL },
  });
  provider.on('server_error', (_ctx, error) => console.error(error));
  return provider.callback();
}

function client(client_id, client_secret, grant_types) {
  return {
    client_id,
    client_secret,
    grant_types,
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: 'ES256',
    token_endpoint_auth_method: 'client_secret_basic',
  };
}

function resource(name) {
  const { format, seconds } = parts(name);
  return {
    audience: 'api',
    scope: 'orders.read orders.write',
    accessTokenFormat: format,
    accessTokenTTL: Number(seconds),
    jwt: { sign: { alg: 'ES256' } },
  };
}

function parts(name) {
  const found = /^urn:api:(opaque|jwt):(\d+):([^:]+):([^:]+)$/.exec(name);
  if (!found) throw new errors.InvalidTarget();
  const [, format, seconds, tenant, tier] = found;
  return { format, seconds, tenant, tier };
}

function tls() {
  const read = (kind) => readFileSync(`${certificates}/${host}.${kind}`);
  return { cert: read('pem'), key: read('key') };
}

function serve(request, response) {
  const { pathname, searchParams } = new URL(request.url, issuer);
  if (pathname === '/control/calls') {
    response.end(JSON.stringify(calls));
  } else if (pathname === '/control/rotate') {
    keys = searchParams.has('keep') ? [newKey(), keys[0]] : [newKey()];
    answer = newProvider();
    response.end();
  } else {
    calls[pathname] = (calls[pathname] ?? 0) + 1;
    answer(request, response);
  }
}

const server = host ? createSecureServer(tls(), serve) : createServer(serve);
server.listen(Number(port), host ? '0.0.0.0' : '127.0.0.1', () => console.log('listening'));
