// Nodes: the autoscaling group, and what each of its machines is made of. There is no master: every
// node gets the same image, package and configuration, and finds the others in the database.

import { Aws, CfnParameter, Fn, Validations } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { architecture, Config, drainTimes } from './config';
import { Database } from './database';
import { Entry } from './entry';
import { Network } from './network';
import { nodeConfig } from './node_config';
import { nodeRole, objects, RoleProps } from './role';
import { Uploads } from './uploads';
import { userData } from './user_data';

export const NAMESPACE = 'Starling';
export const UTILISATION = 'Utilisation';
const AUTHORITY = '/etc/starling/rds-ca.pem';

/** What the group is made of. */
export interface NodesProps {
  readonly config: Config;
  readonly network: Network;
  readonly entry: Entry;
  readonly database: Database;
  readonly uploads: Uploads;
  readonly packageBucket: CfnParameter;
  readonly packageKey: CfnParameter;
}

export class Nodes extends Construct {
  /** Known before the group is there, so that the role can name it. */
  readonly groupName = Aws.STACK_NAME;
  readonly group: autoscaling.CfnAutoScalingGroup;

  constructor(scope: Construct, id: string, props: NodesProps) {
    super(scope, id);
    const { config, network, entry, database, uploads } = props;
    const about: RoleProps = {
      groupName: this.groupName,
      packageBucket: props.packageBucket.valueAsString,
      packageKeys: [props.packageKey.valueAsString, config.databaseAuthorityKey],
      secretArns: [database.secret.secretArn, config.certificateSecret],
      uploads: uploads.bucket,
      architecture: architecture(config),
    };
    const role = nodeRole(this, about);
    const { read, written } = objects(about);
    network.allowS3({ actions: ['s3:GetObject'], resources: read });
    network.allowS3({ actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
                      resources: written });

    this.group = this.makeGroup(config, network, entry, this.makeTemplate(props, role));
    // A node that finds no database gives up; the first ones would.
    this.group.node.addDependency(database);
    Validations.of(this.group).acknowledge({
      id: 'AwsSolutions-AS3',
      reason: 'To grow and shrink is what the group is for; lib/watch.ts tells of what fails.',
    });
    this.follow(config);
  }

  private makeTemplate(props: NodesProps, role: iam.Role): ec2.CfnLaunchTemplate {
    const { config, network, database } = props;
    const profile = new iam.CfnInstanceProfile(this, 'Profile', { roles: [role.roleName] });
    const settings = {
      REGION: Aws.REGION,
      DOMAIN: Aws.URL_SUFFIX,
      ARCHITECTURE: architecture(config),
      PACKAGE_BUCKET: props.packageBucket.valueAsString,
      PACKAGE_KEY: props.packageKey.valueAsString,
      DATABASE_SECRET: database.secret.secretArn,
      DATABASE_AUTHORITY: AUTHORITY,
      DATABASE_AUTHORITY_KEY: config.databaseAuthorityKey,
      CERTIFICATE_SECRET: config.certificateSecret,
      STOP_SECONDS: `${drainTimes(config).stop}`,
    };
    const image = config.nodes.image ?? ec2.MachineImage.fromSsmParameter(
      `/aws/service/debian/release/12/latest/${architecture(config)}`).getImage(this).imageId;

    return new ec2.CfnLaunchTemplate(this, 'Template', {
      launchTemplateData: {
        imageId: image,
        instanceType: config.nodes.instanceType,
        iamInstanceProfile: { arn: profile.attrArn },
        userData: userData(settings, nodeConfig(config)),
        monitoring: { enabled: true },
        metadataOptions: {
          httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1,
          instanceMetadataTags: 'enabled',
        },
        blockDeviceMappings: [{
          deviceName: '/dev/xvda',
          ebs: { encrypted: true, volumeType: 'gp3', volumeSize: config.nodes.diskSize,
                 deleteOnTermination: true },
        }],
        networkInterfaces: [{
          deviceIndex: 0,
          groups: [network.nodes.securityGroupId],
          associatePublicIpAddress: false,
          deleteOnTermination: true,
          // Newer types forget a silent connection after 350 s: before the NLB does, and the
          // node's own question whether somebody is there would be dropped.
          connectionTrackingSpecification: { tcpEstablishedTimeout: config.connections.tracked },
        }],
        tagSpecifications: ['instance', 'volume'].map((resourceType) => ({
          resourceType, tags: [{ key: 'Name', value: Fn.sub('${AWS::StackName} node') }],
        })),
      },
    });
  }

  private makeGroup(config: Config, network: Network, entry: Entry,
                    template: ec2.CfnLaunchTemplate): autoscaling.CfnAutoScalingGroup {
    const { minimum, maximum, warmup } = config.nodes;
    const hook = (lifecycleHookName: string, lifecycleTransition: string, defaultResult: string):
      autoscaling.CfnAutoScalingGroup.LifecycleHookSpecificationProperty => ({
        lifecycleHookName, lifecycleTransition, defaultResult, heartbeatTimeout: 300,
      });
    return new autoscaling.CfnAutoScalingGroup(this, 'Group', {
      autoScalingGroupName: this.groupName,
      minSize: `${minimum}`,
      maxSize: `${maximum}`,
      vpcZoneIdentifier: network.vpc.selectSubnets(network.nodeSubnets).subnetIds,
      launchTemplate: {
        launchTemplateId: template.ref, version: template.attrLatestVersionNumber,
      },
      targetGroupArns: entry.targets.map((target) => target.targetGroupArn),
      // Inside the group: as resources of their own they might come after its first machine.
      lifecycleHookSpecificationList: [
        hook('starling-launch', 'autoscaling:EC2_INSTANCE_LAUNCHING', 'ABANDON'),
        hook('starling-terminate', 'autoscaling:EC2_INSTANCE_TERMINATING', 'CONTINUE'),
      ],
      // The nodes themselves unprotect the one that costs least to take.
      newInstancesProtectedFromScaleIn: true,
      healthCheckType: 'ELB',
      healthCheckGracePeriod: 300,
      // From here on the launch hook has passed: the node serves, and fills.
      defaultInstanceWarmup: warmup,
      // Whoever is to be replaced is so one at a time, and only when the new one serves.
      instanceMaintenancePolicy: { minHealthyPercentage: 100, maxHealthyPercentage: 110 },
      metricsCollection: [{ granularity: '1Minute' }],
      tags: [{ key: 'Name', value: Fn.sub('${AWS::StackName} node'), propagateAtLaunch: true }],
    });
  }

  // Serving nodes publish their utilisation, with the group as the only dimension: the average is
  // that of a node. One that drains is silent, so its falling figure calls nobody off.
  private follow(config: Config): void {
    new autoscaling.CfnScalingPolicy(this, 'Follow', {
      autoScalingGroupName: this.group.ref,
      policyType: 'TargetTrackingScaling',
      targetTrackingConfiguration: {
        targetValue: config.nodes.target,
        disableScaleIn: !config.nodes.scaleIn,
        customizedMetricSpecification: {
          namespace: NAMESPACE,
          metricName: UTILISATION,
          dimensions: [{ name: 'AutoScalingGroupName', value: this.group.ref }],
          statistic: 'Average',
        },
      },
    });
  }
}
