import { Type } from 'typebox'
import { type Answers, okAnswers, statusAnswers } from './answers.ts'

/** What the routes about users answer, for the description of the API only. */
const userAnswer = Type.Object({
  login: Type.String(),
  full_name: Type.String(),
  groups: Type.Array(Type.String()),
  disabled: Type.Boolean(),
  updated_at: Type.String({ description: 'ISO 8601 in UTC' }),
})

const tokenFields = {
  id: Type.String(),
  login: Type.String(),
  note: Type.String(),
  created_at: Type.String(),
  expires_at: Type.String(),
}

/** One user. */
export const userAnswers: Answers = okAnswers(userAnswer)

/** A user that was made. */
export const newUserAnswers: Answers = statusAnswers(201, 'Created', userAnswer)

/** All users. */
export const usersAnswers: Answers = okAnswers(Type.Object({ users: Type.Array(userAnswer) }))

/** The tokens of a user. */
export const tokensAnswers: Answers = okAnswers(Type.Object({ tokens: Type.Array(Type.Object(tokenFields)) }))

/** A token with its text. */
export const newTokenAnswers: Answers = statusAnswers(
  201,
  'Created',
  Type.Object({ ...tokenFields, token: Type.String({ description: 'Send it as authorization: Bearer …' }) }),
)
