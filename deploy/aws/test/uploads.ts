import assert from 'node:assert/strict';
import { test } from 'node:test';
import { only } from './template';

test('uploads are encrypted, private and gone after a month', () => {
  const bucket = only('AWS::S3::Bucket');
  assert.deepEqual(bucket.PublicAccessBlockConfiguration, {
    BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  });
  assert.equal(bucket.BucketEncryption.ServerSideEncryptionConfiguration.length, 1);
  const [rule] = bucket.LifecycleConfiguration.Rules;
  assert.equal(rule.ExpirationInDays, 30);
  assert.equal(rule.AbortIncompleteMultipartUpload.DaysAfterInitiation, 1);
});

test('nobody reads or writes them without TLS', () => {
  const { Statement } = only('AWS::S3::BucketPolicy').PolicyDocument;
  const denied = Statement.find(
    (said: any) => said.Condition?.Bool?.['aws:SecureTransport'] === 'false');
  assert.equal(denied.Effect, 'Deny');
  assert.equal(denied.Action, 's3:*');
});
