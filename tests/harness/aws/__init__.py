"""A double of AWS on loopback: instance metadata, credentials, Auto Scaling, and what goes with it.

It does what the real one does as far as a node can tell, the faults too; tests/cloud lets a client
that others wrote judge that. A group whose instances are processes:

    class Processes(Machines):
        def launch(self, instance):
            return subprocess.Popen([...], env=os.environ | cloud.environment(instance))
        ...

    with Cloud() as cloud:
        group = cloud.add_group("chat", Processes(), desired=2, hooks=[...])
        cloud.track(group, Tracking(target=60))
        cloud.api.fail("Throttling", times=3)
        cloud.api.wait_for("CompleteLifecycleAction", LifecycleHookName="starling-launch")
"""
