/** The OpenAPI document of the local interface, made of its schemas. */
import { z } from 'zod';
import { commandPath, LOCAL_API } from './local-api.ts';
import { COMMANDS, doneSchema, refusedSchema, stateSchema } from './schema.ts';

function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });
  return json;
}

function answer(description: string, schema: object, type = 'application/json'): object {
  return { description, content: { [type]: { schema } } };
}

const REFUSED = { default: answer('not done, and why', { $ref: '#/components/schemas/Refused' }) };

/** Every path that is served, each with what it takes and answers. */
export function openApiDocument(version: string): object {
  const gets = {
    [LOCAL_API.state]: {
      get: {
        operationId: 'state',
        summary: 'The whole state document.',
        responses: { 200: answer('as it is now', { $ref: '#/components/schemas/State' }), ...REFUSED },
      },
    },
    [LOCAL_API.events]: {
      get: {
        operationId: 'events',
        summary:
          'Server-sent events called `change`: at first the whole state document, then the parts that have changed; at most ten a second.',
        responses: { 200: answer('until the program ends', { type: 'string' }, 'text/event-stream'), ...REFUSED },
      },
    },
    [LOCAL_API.document]: {
      get: {
        operationId: 'document',
        summary: 'This document.',
        responses: { 200: answer('OpenAPI 3.1', { type: 'object' }), ...REFUSED },
      },
    },
  };
  const posts = Object.entries(COMMANDS).map(([name, body]) => {
    const { description, ...schema } = schemaOf(body) as { readonly description?: string };
    return [
      commandPath(name as keyof typeof COMMANDS),
      {
        post: {
          operationId: name,
          summary: description,
          requestBody: { required: true, content: { 'application/json': { schema } } },
          responses: { 200: answer('done', { $ref: '#/components/schemas/Done' }), ...REFUSED },
        },
      },
    ];
  });
  return {
    openapi: '3.1.0',
    info: {
      title: 'sallyport, local interface',
      version,
      description:
        'Served on 127.0.0.1 by `sallyport ui`, `sidecar`, `host` and `join`. docs/interface.md tells how to find it.',
    },
    security: [{ token: [] }],
    paths: { ...gets, ...Object.fromEntries(posts) },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { State: schemaOf(stateSchema), Done: schemaOf(doneSchema), Refused: schemaOf(refusedSchema) },
    },
  };
}
