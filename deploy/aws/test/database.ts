import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, only, template } from './template';

test('Aurora PostgreSQL, serverless, encrypted, backed up, guarded', () => {
  const cluster = only('AWS::RDS::DBCluster');
  assert.equal(cluster.Engine, 'aurora-postgresql');
  assert.deepEqual(cluster.ServerlessV2ScalingConfiguration, { MinCapacity: 0.5, MaxCapacity: 16 });
  assert.equal(cluster.StorageEncrypted, true);
  assert.ok(cluster.KmsKeyId);
  assert.equal(cluster.BackupRetentionPeriod, 14);
  assert.equal(cluster.DeletionProtection, true);
  assert.equal(only('AWS::RDS::DBClusterParameterGroup').Parameters['rds.force_ssl'], '1');
  template.hasResource('AWS::RDS::DBCluster', { DeletionPolicy: 'Snapshot' });
});

test('a writer and one that takes over, neither public', () => {
  const instances = all('AWS::RDS::DBInstance');
  assert.equal(instances.length, 2);
  for (const instance of instances) {
    assert.equal(instance.DBInstanceClass, 'db.serverless');
    assert.equal(instance.PubliclyAccessible, false);
  }
});

test('its password is made by Secrets Manager and stands nowhere in the template', () => {
  const secret = only('AWS::SecretsManager::Secret');
  assert.match(secret.GenerateSecretString.SecretStringTemplate, /"username":"starling"/);
  const { MasterUserPassword } = only('AWS::RDS::DBCluster');
  assert.match(JSON.stringify(MasterUserPassword), /\{\{resolve:secretsmanager:/);
});
