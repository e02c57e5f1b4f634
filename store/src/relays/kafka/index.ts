export type { KafkaCluster, KafkaSasl } from './client.ts'
export { cloudEvents, type KafkaCodec, type KafkaContent, kafkaEnvelope } from './codec.ts'
export { type KafkaPlace, type KafkaRelayOptions, type KafkaTopicOf, kafkaRelay } from './relay.ts'
