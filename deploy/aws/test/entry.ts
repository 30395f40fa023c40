import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drainTimes } from '../lib/config';
import { all, attributes, config, only, template } from './template';

const BALANCER = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';
const TARGETS = 'AWS::ElasticLoadBalancingV2::TargetGroup';

test('one public NLB, over all zones, at addresses that stay', () => {
  const balancer = only(BALANCER);
  assert.equal(balancer.Type, 'network');
  assert.equal(balancer.Scheme, 'internet-facing');
  assert.equal(balancer.IpAddressType, 'dualstack');
  assert.equal(balancer.SubnetMappings.length, 3);
  assert.ok(balancer.SubnetMappings.every((mapping: any) => mapping.AllocationId));
  assert.equal(balancer.Subnets, undefined);
  const said = attributes(balancer.LoadBalancerAttributes);
  assert.equal(said['load_balancing.cross_zone.enabled'], 'true');
  assert.equal(said['deletion_protection.enabled'], 'true');
});

test('5222, 5223 and 443 come in as they are: TLS is not ended', () => {
  const listeners = all(LISTENER);
  assert.deepEqual(listeners.map((listener) => listener.Port).sort(), [443, 5222, 5223]);
  for (const listener of listeners) {
    assert.equal(listener.Protocol, 'TCP');
    assert.equal(listener.Certificates, undefined);
  }
});

test('each listener has node ports of its own', () => {
  const groups = template.findResources(TARGETS);
  const ports = Object.fromEntries(all(LISTENER).map(({ Port, DefaultActions }) =>
    [Port, groups[DefaultActions[0].TargetGroupArn.Ref].Properties.Port]));
  assert.deepEqual(ports, { 443: 5443, 5222: 5222, 5223: 5223 });
});

test('a silent connection is remembered for longer than until the node asks', () => {
  for (const listener of all(LISTENER)) {
    const idle = Number(attributes(listener.ListenerAttributes)['tcp.idle_timeout.seconds']);
    assert.ok(idle > config.connections.ping + 60, `${idle}`);
  }
});

test('neither an unhealthy node nor one that is taken out loses its connections', () => {
  const { linger, deadline } = drainTimes(config);
  for (const target of all(TARGETS)) {
    const said = attributes(target.TargetGroupAttributes);
    assert.equal(said['deregistration_delay.timeout_seconds'], '120');
    assert.equal(said['deregistration_delay.connection_termination.enabled'], 'false');
    assert.equal(said['target_health_state.unhealthy.connection_termination.enabled'], 'false');
    assert.equal(said['target_health_state.unhealthy.draining_interval_seconds'],
                 `${linger + deadline}`);
  }
});

test('nodes learn the address of a client', () => {
  for (const target of all(TARGETS)) {
    const said = attributes(target.TargetGroupAttributes);
    assert.equal(said['proxy_protocol_v2.enabled'], 'true');
    assert.equal(said['preserve_client_ip.enabled'], 'true');
  }
});

test('/health says whether clients are sent to a node', () => {
  for (const target of all(TARGETS)) {
    assert.equal(target.HealthCheckProtocol, 'HTTP');
    assert.equal(target.HealthCheckPath, '/health');
    assert.equal(target.HealthCheckPort, '5280');
    assert.deepEqual(target.Matcher, { HttpCode: '200' });
    assert.ok(target.HealthCheckIntervalSeconds * target.UnhealthyThresholdCount >= 60,
              'shorter than a failover of the database');
  }
});
