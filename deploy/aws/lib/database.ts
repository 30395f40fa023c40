// Database: Aurora PostgreSQL, serverless v2. What the nodes share, and all that outlives them.

import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { Config } from './config';
import { DATABASE_PORT, Network } from './network';

export class Database extends Construct {
  readonly cluster: rds.DatabaseCluster;
  /** User, password, host, port and database, as JSON. */
  readonly secret: secrets.ISecret;

  constructor(scope: Construct, id: string, config: Config, network: Network) {
    super(scope, id);
    const { minimumCapacity, maximumCapacity, readers, backupDays } = config.database;
    const instance = (index: number, scaleWithWriter: boolean): rds.IClusterInstance =>
      rds.ClusterInstance.serverlessV2(`Instance${index}`, {
        // One that may take over at any time is as large as the writer.
        ...(index > 0 && { scaleWithWriter }),
        enablePerformanceInsights: true,
        publiclyAccessible: false,
      });

    this.cluster = new rds.DatabaseCluster(this, 'Cluster', {
      engine: rds.DatabaseClusterEngine.auroraPostgres({
        version: rds.AuroraPostgresEngineVersion.VER_16_8,
      }),
      vpc: network.vpc,
      vpcSubnets: network.databaseSubnets,
      securityGroups: [network.database],
      port: DATABASE_PORT,
      defaultDatabaseName: 'starling',
      credentials: rds.Credentials.fromGeneratedSecret('starling'),
      iamAuthentication: true,
      writer: instance(0, true),
      readers: Array.from({ length: readers }, (_, index) => instance(index + 1, index === 0)),
      serverlessV2MinCapacity: minimumCapacity,
      serverlessV2MaxCapacity: maximumCapacity,
      storageEncrypted: true,
      // It stays, as the last snapshot is worth nothing without it.
      storageEncryptionKey: new kms.Key(this, 'Key', {
        description: 'Starling database', enableKeyRotation: true,
        removalPolicy: RemovalPolicy.RETAIN,
      }),
      backup: { retention: Duration.days(backupDays) },
      copyTagsToSnapshot: true,
      cloudwatchLogsExports: ['postgresql'],
      // TLS only, whoever connects.
      parameters: { 'rds.force_ssl': '1' },
      deletionProtection: config.protected,
      removalPolicy: RemovalPolicy.SNAPSHOT,
    });
    this.secret = this.cluster.secret!;
    Validations.of(this.cluster).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'Nodes read the password when they start: a rotation by schedule would lock out '
        + 'those that reconnect. It is changed by hand, with an instance refresh (docs/aws.md).',
    });
  }
}
