package haredge.jvm;

import org.json.JSONException;
import org.json.JSONObject;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.Result;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** Runs classes of tests; prints a line of JSON for each failure and for each test that ended. */
public final class Tests {
    private Tests() {}

    public static void main(String[] names) throws Exception {
        JUnitCore junit = new JUnitCore();
        junit.addListener(new RunListener() {
            @Override
            public void testFailure(Failure failure) throws JSONException {
                print(failure.getDescription(), failure.getTrimmedTrace());
            }

            @Override
            public void testFinished(Description test) throws JSONException {
                print(test, null);
            }
        });
        Class<?>[] classes = new Class<?>[names.length];
        for (int i = 0; i < names.length; i++) {
            classes[i] = Class.forName(names[i]);
        }
        Result result = junit.run(classes);
        System.exit(result.wasSuccessful() ? 0 : 1); // threads of a test that failed may go on
    }

    private static void print(Description test, String failure) throws JSONException {
        JSONObject line = new JSONObject();
        line.put("class", test.getTestClass().getSimpleName()).put("test", test.getMethodName());
        System.out.println(line.put("failure", failure == null ? JSONObject.NULL : failure));
    }
}
