import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { type Access, AccessRefused } from '../auth/access.ts'
import type { Accounts } from '../auth/accounts.ts'
import { longestTokenMs, type Token } from '../auth/tokens.ts'
import type { User } from '../auth/users.ts'
import { noQuery } from './range.ts'
import { newTokenAnswers, newUserAnswers, tokensAnswers, userAnswers, usersAnswers } from './user-answers.ts'

const closed = { additionalProperties: false } as const
const tags = ['users']
const login = Type.String({ description: 'Percent-encoded' })
const groups = Type.Array(Type.String(), { description: 'as in ["$admins"], ["$ops"] or groups of yours' })
const ofUser = { tags, params: Type.Object({ login }), querystring: noQuery }

const listSchema = { tags, summary: 'Who may log in', querystring: noQuery, response: usersAnswers }

const createSchema = {
  tags,
  summary: 'Let somebody log in',
  querystring: noQuery,
  body: Type.Object(
    {
      login: Type.String({ minLength: 1 }),
      password: Type.String({ minLength: 1 }),
      full_name: Type.Optional(Type.String()),
      groups: Type.Optional(groups),
    },
    closed,
  ),
  response: newUserAnswers,
}

const infoSchema = { ...ofUser, summary: 'One user: oneself, or for an admin anybody', response: userAnswers }

const updateSchema = {
  ...ofUser,
  summary: 'Change the name or the groups of a user; what is not given stays',
  body: Type.Object({ full_name: Type.Optional(Type.String()), groups: Type.Optional(groups) }, closed),
  response: userAnswers,
}

const deleteSchema = { ...ofUser, summary: 'Remove a user and all of its tokens', response: userAnswers }
const enableSchema = { ...ofUser, summary: 'Let a disabled user log in again', response: userAnswers }
const disableSchema = {
  ...ofUser,
  summary: 'Let a user log in no more, and end what it has open',
  response: userAnswers,
}

const passwordSchema = {
  ...ofUser,
  summary: 'Give a user another password: with current_password one’s own, without it for an admin anybody’s',
  body: Type.Object(
    { new_password: Type.String({ minLength: 1 }), current_password: Type.Optional(Type.String()) },
    closed,
  ),
  response: userAnswers,
}

const tokensSchema = { ...ofUser, summary: 'The tokens of a user, without their texts', response: tokensAnswers }

const newTokenSchema = {
  ...ofUser,
  summary: 'Make a token to log in with as this user; its text is in this answer and nowhere else',
  body: Type.Object(
    {
      expires_in_seconds: Type.Integer({ minimum: 1, maximum: longestTokenMs / 1_000 }),
      note: Type.Optional(Type.String({ description: 'What it is for' })),
    },
    closed,
  ),
  response: newTokenAnswers,
}

const revokeSchema = {
  tags,
  summary: 'Revoke a token, and end what was opened with it',
  params: Type.Object({ login, id: Type.String() }),
  querystring: noQuery,
  response: tokensAnswers,
}

/** The routes about who may log in. */
export function userRoutes({ users, tokens }: Accounts): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/users', { schema: listSchema }, async () => ({ users: (await users.list()).map(wireUser) }))

    app.post('/users', { schema: createSchema }, async ({ body: { full_name, ...user } }, reply) => {
      reply.status(201)
      return wireUser(await users.create({ ...user, ...(full_name !== undefined && { fullName: full_name }) }))
    })

    app.get('/users/:login', { schema: infoSchema }, async ({ params }) => wireUser(await users.details(params.login)))

    app.patch('/users/:login', { schema: updateSchema }, async ({ params, body: { full_name, groups: next } }) => {
      const changes = {
        ...(full_name !== undefined && { fullName: full_name }),
        ...(next !== undefined && { groups: next }),
      }
      return wireUser(await users.update(params.login, changes))
    })

    app.delete('/users/:login', { schema: deleteSchema }, async ({ params }) => {
      const user = await users.details(params.login)
      await users.delete(params.login)
      return wireUser(user)
    })

    app.post('/users/:login/enable', { schema: enableSchema }, async ({ params }) =>
      wireUser(await users.setDisabled(params.login, false)),
    )

    app.post('/users/:login/disable', { schema: disableSchema }, async ({ params }) =>
      wireUser(await users.setDisabled(params.login, true)),
    )

    app.put('/users/:login/password', { schema: passwordSchema }, async ({ params, body, access }) => {
      const { new_password, current_password } = body
      if (current_password === undefined) {
        await access.as('admin')
        await users.resetPassword(params.login, new_password)
      } else await users.changePassword(params.login, current_password, new_password)
      return wireUser(await users.details(params.login))
    })

    app.get('/users/:login/tokens', { schema: tokensSchema }, async ({ params }) => ({
      tokens: (await tokens.list(params.login)).map(wireToken),
    }))

    app.post('/users/:login/tokens', { schema: newTokenSchema }, async ({ params, body, access }, reply) => {
      refuseToken(access)
      await users.details(params.login)
      const { note = '', expires_in_seconds } = body
      const made = await tokens.create({ login: params.login, note, expiresInMs: expires_in_seconds * 1_000 })
      reply.status(201)
      return { ...wireToken(made.token), token: made.text }
    })

    app.delete('/users/:login/tokens/:id', { schema: revokeSchema }, async ({ params }) => {
      await tokens.revoke(params.id, params.login)
      return { tokens: (await tokens.list(params.login)).map(wireToken) }
    })
  }
}

/** Whoever has found a token must not be able to make one that outlasts it. */
function refuseToken({ by }: Access): void {
  if (by === 'token')
    throw new AccessRefused('denied', 'Access denied: tokens are made by whoever has logged in with a password.')
}

function wireUser({ login: name, fullName, groups: of, isDisabled, updatedAtMs }: User): object {
  return {
    login: name,
    full_name: fullName,
    groups: of,
    disabled: isDisabled,
    updated_at: new Date(updatedAtMs).toISOString(),
  }
}

function wireToken({ id, login: of, note, createdAtMs, expiresAtMs }: Token): object {
  const [created_at, expires_at] = [createdAtMs, expiresAtMs].map((ms) => new Date(ms).toISOString())
  return { id, login: of, note, created_at, expires_at }
}
