import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, only } from './template';

const alarms = all('AWS::CloudWatch::Alarm');

function of(metric: string): Record<string, any>[] {
  return alarms.filter(({ MetricName }) => MetricName === metric);
}

test('somebody is told of everything that is watched', () => {
  const watched = new Set(alarms.map(({ MetricName }) => MetricName));
  for (const metric of ['Utilisation', 'HealthyHostCount', 'UnHealthyHostCount',
                        'PortAllocationErrorCount', 'CPUUtilization', 'ACUUtilization',
                        'DatabaseConnections', 'FreeLocalStorage', 'GroupDesiredCapacity']) {
    assert.ok(watched.has(metric), metric);
  }
  for (const { AlarmActions, AlarmDescription } of alarms) {
    assert.equal(AlarmActions.length, 1);
    assert.ok(AlarmDescription);
  }
});

test('silence is an alarm where it means that nothing runs', () => {
  const silent = [...of('Utilisation'), ...of('HealthyHostCount')].filter(
    ({ TreatMissingData }) => TreatMissingData === 'breaching');
  assert.equal(silent.length, 1 + 3);
});

test('nodes that did not come are told of', () => {
  const { EventPattern, Targets } = only('AWS::Events::Rule');
  assert.deepEqual(EventPattern['detail-type'],
                   ['EC2 Instance Launch Unsuccessful', 'EC2 Instance Terminate Unsuccessful']);
  assert.equal(Targets.length, 1);
});
