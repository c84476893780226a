/** The OpenAPI document, generated from the zod schemas that also validate, so the two can't drift apart. */
import { z } from 'zod';
import * as api from './api.ts';

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly path: string;
  readonly method: 'get' | 'post' | 'delete';
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly parameters?: readonly string[];
  readonly body?: z.ZodType;
  /** Name of the answer's schema, or its media type where it is not JSON. */
  readonly answer: string;
  readonly status?: number;
  readonly admin?: boolean;
}

const ADMIN = api.API.admin;
const OPERATIONS: readonly Operation[] = [
  {
    path: api.API.servers,
    method: 'get',
    summary: 'The list of servers; cheap to poll with If-None-Match',
    query: api.serversQuerySchema,
    answer: 'ServersPage',
  },
  {
    path: `${api.API.servers}/{id}`,
    method: 'get',
    summary: 'One server by host id, or by join code (unlisted ones too)',
    parameters: ['id'],
    answer: 'Server',
  },
  {
    path: api.API.events,
    method: 'get',
    summary: 'Live changes: `change` (ListChange) and `reset`',
    answer: 'text/event-stream',
  },
  { path: api.API.master, method: 'get', summary: 'What clients need to reach this master', answer: 'MasterInfo' },
  {
    path: `${ADMIN}/overview`,
    method: 'get',
    summary: 'Numbers of now, success by pair of NATs',
    answer: 'Overview',
    admin: true,
  },
  {
    path: `${ADMIN}/history`,
    method: 'get',
    summary: 'Hosts, joins and outcomes over time',
    query: api.historyQuerySchema,
    answer: 'History',
    admin: true,
  },
  {
    path: `${ADMIN}/hosts`,
    method: 'get',
    summary: 'Every registered host',
    query: api.adminHostsQuerySchema,
    answer: 'AdminHosts',
    admin: true,
  },
  {
    path: `${ADMIN}/hosts/{id}/evict`,
    method: 'post',
    summary: 'Take a host off at once; without a ban it may come back',
    parameters: ['id'],
    answer: '',
    status: 204,
    admin: true,
  },
  { path: `${ADMIN}/bans`, method: 'get', summary: 'Bans and "not announced" rules', answer: 'Bans', admin: true },
  {
    path: `${ADMIN}/bans`,
    method: 'post',
    summary: 'Add a rule; it works at once',
    body: api.banInputSchema,
    answer: 'Ban',
    status: 201,
    admin: true,
  },
  {
    path: `${ADMIN}/bans/{id}`,
    method: 'delete',
    summary: 'Lift a rule',
    parameters: ['id'],
    answer: '',
    status: 204,
    admin: true,
  },
  { path: `${ADMIN}/audit`, method: 'get', summary: 'What admins did, newest first', answer: 'Audit', admin: true },
  {
    path: `${ADMIN}/webhooks/test`,
    method: 'post',
    summary: 'Send a test message',
    answer: '',
    status: 202,
    admin: true,
  },
];

export function openApiDocument(version: string): Json {
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    uri: (id) => `#/components/schemas/${id}`,
    unrepresentable: 'any',
  });
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of OPERATIONS) {
    const methods = paths[operation.path] ?? {};
    methods[operation.method] = operationOf(operation);
    paths[operation.path] = methods;
  }
  return {
    openapi: '3.1.0',
    info: { title: 'sallyport masterserver', version, license: { name: 'MIT' } },
    paths,
    components: { schemas: stripIds(schemas), securitySchemes: { admin: { type: 'http', scheme: 'bearer' } } },
  };
}

function operationOf({ summary, query, parameters = [], body, answer, status = 200, admin = false }: Operation): Json {
  const inPath = parameters.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  return {
    summary,
    parameters: [...inPath, ...(query === undefined ? [] : queryParameters(query))],
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonContent(schemaName(body)) } }),
    responses: {
      [status]: { description: 'done', ...(answer === '' ? {} : { content: answerContent(answer) }) },
      default: {
        description: 'problem (RFC 9457)',
        content: { 'application/problem+json': { schema: ref('Problem') } },
      },
    },
    ...(admin ? { security: [{ admin: [] }] } : {}),
  };
}

function queryParameters(query: z.ZodObject): Json[] {
  return Object.entries(query.shape).map(([name, field]) => {
    const { $schema: _, description, ...schema } = z.toJSONSchema(field as z.ZodType) as Record<string, unknown>;
    return { name, in: 'query', required: false, ...(description === undefined ? {} : { description }), schema };
  });
}

function answerContent(answer: string): Json {
  return answer.includes('/') ? { [answer]: { schema: { type: 'string' } } } : jsonContent(answer);
}

function jsonContent(name: string): Json {
  return { 'application/json': { schema: ref(name) } };
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function schemaName(schema: z.ZodType): string {
  return String(z.globalRegistry.get(schema)?.id);
}

/** `$id` and `$schema` are for free-standing schemas; inside a document the place is the name. */
function stripIds(schemas: Record<string, unknown>): Json {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { $id: _id, $schema: _schema, id: _, ...rest } = schema as Record<string, unknown>;
      return [name, rest];
    }),
  );
}
