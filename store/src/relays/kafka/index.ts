export type { KafkaCluster, KafkaSasl } from './client.ts'
export { cloudEvents, type KafkaCodec, type KafkaContent, kafkaEnvelope } from './codec.ts'
export {
  appendFromKafka,
  type FromKafkaCounts,
  type FromKafkaLogLine,
  type FromKafkaOptions,
  type RunningFromKafka,
} from './from-kafka.ts'
export type { IncomingEvent, IncomingEvents, KafkaIncoming } from './incoming.ts'
export type { MessageDecision, MessageFailure, MessagePolicy } from './message-policy.ts'
export {
  type ParkedMessage,
  parkedFromKafka,
  type ReplayFromKafkaOptions,
  replayFromKafka,
} from './parked-messages.ts'
export { type KafkaPlace, type KafkaRelayOptions, type KafkaTopicOf, kafkaRelay } from './relay.ts'
